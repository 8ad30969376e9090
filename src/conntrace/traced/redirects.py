"""Which redirect a new connection follows: read from the stack when it is made.

A set-up is rare; keeping a redirect in mind for it would cost each request. While a redirect is
followed, the frame that follows it is still on the stack, with the response in its variables.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from conntrace.traced.frames import ModuleTable

MAX_FRAMES = 60

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Redirect(NamedTuple):
    """Who sent the client on (`host:port`), and with which status."""

    origin: str = ""
    status: int = 0


NO_REDIRECT = Redirect()

answered = False
"""Whether a request of a pool was answered with 300 or more so far (S3 redirects by 400 as well).
Before that no connection of a pool follows a redirect: its walk up the stack is a twentieth of what
a new connection costs."""


def redirect_before(frame: FrameType | None = None) -> Redirect:
    """The redirect that is being followed right now, seen from `frame` or from the caller's."""
    for each, (name, follow) in _FOLLOWERS.rows(frame or sys._getframe(1), MAX_FRAMES):
        found = follow(each) if each.f_code.co_name == name else None
        if found is not None:
            return found
    return NO_REDIRECT


def _urllib3(frame: FrameType) -> Redirect | None:
    """`PoolManager.urlopen` calls itself for the location."""
    known = frame.f_locals
    if not known.get("redirect_location"):
        return None
    return _redirect(known.get("url"), getattr(known.get("response"), "status", 0))


def _requests(frame: FrameType) -> Redirect | None:
    """`Session.resolve_redirects` sends the next request while it runs."""
    response = frame.f_locals.get("resp")
    return _redirect(getattr(response, "url", None), getattr(response, "status_code", 0))


def _botocore(frame: FrameType) -> Redirect | None:
    """The S3 client sends a request again to the region that the bucket is in."""
    known = frame.f_locals
    context: Any = known.get("context") or {}
    redirected = context.get("s3_redirect", {}).get("redirected") or context.get("s3_redirected")
    answered = known.get("success_response")
    if not redirected or not answered:
        return None
    response = answered[0]
    return _redirect(getattr(response, "url", None), getattr(response, "status_code", 0))


def _urllib_request(frame: FrameType) -> Redirect | None:
    """`HTTPRedirectHandler` opens the new URL."""
    known = frame.f_locals
    return _redirect(getattr(known.get("req"), "full_url", None), known.get("code", 0))


def _redirect(url: object, status: object) -> Redirect | None:
    """Only scheme, host and port of the URL are looked at."""
    if not isinstance(url, str) or "://" not in url or not isinstance(status, int):
        return None
    scheme, _, rest = url.partition("://")
    for end in "/?#":
        rest = rest.partition(end)[0]
    authority = rest.rpartition("@")[2].lower()
    if authority.rpartition("]")[2].rpartition(":")[2].isdigit() and ":" in authority:
        return Redirect(authority, status)
    port = _DEFAULT_PORTS.get(scheme.lower())
    return Redirect(f"{authority}:{port}" if port else authority, status)


# Module -> a function in it that follows redirects, and how to read its frame.
_FOLLOWERS: ModuleTable[tuple[str, Callable[[FrameType], Redirect | None]]] = ModuleTable(
    {
        "poolmanager": ("urlopen", _urllib3),
        "sessions": ("resolve_redirects", _requests),
        "botocore.endpoint": ("_send_request", _botocore),
        "urllib.request": ("http_error_302", _urllib_request),
    }
)
