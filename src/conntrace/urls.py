"""The user that a URL names (RFC 3986, section 3.2.1): never shown, and sent as credentials."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote

# Scheme and slashes, if there are any; then all up to the last @ before path, query and fragment.
_USER = re.compile(r"\A([^:/?#@]*://)?[^/?#]*@")


def without_user(url: str) -> str:
    """The same without user and password; also where it has no scheme, as gRPC's have none."""
    return _USER.sub(r"\1", url, count=1)


def credentials_of(header: str, url: SplitResult) -> dict[str, str]:
    """Of the user that a URL names, if it names one (RFC 7617)."""
    if url.username is None:
        return {}
    import base64

    user = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {header: "Basic " + base64.b64encode(user.encode()).decode()}
