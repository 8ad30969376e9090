"""The URL that is probed: checked before anything is sent, and shown without what is secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conntrace.errors import ConntraceError, UsageError
from conntrace.urls import without_user

if TYPE_CHECKING:
    from urllib3.util import Url


def parsed(url: str) -> Url:
    """The URL, taken apart. Raises `UsageError` for what is none, `ConntraceError` when urllib3 is
    not there."""
    try:
        import urllib3
    except ImportError as error:
        raise ConntraceError(
            "probe-needs-urllib3", "probe needs urllib3 here: pip install urllib3"
        ) from error
    try:
        found = urllib3.util.parse_url(url)
    except urllib3.exceptions.LocationParseError as error:
        raise UsageError("probe-bad-url", f"{shown(url)!r} is not a URL") from error
    if found.scheme not in ("http", "https") or not found.host:
        raise UsageError(
            "probe-bad-url", f"{shown(url)!r} is not a URL that begins with http:// or https://"
        )
    return found


def shown(url: str) -> str:
    """The URL without user name, password, query and fragment: what is shown may be passed on."""
    path = url.partition("#")[0]
    path, question, _ = path.partition("?")
    return f"{without_user(path)}{'?…' if question else ''}"
