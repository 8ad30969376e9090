"""CONNTRACE_REDACT: names are replaced before anything else sees the events.

So every text made from them later (span names, details, evidence) holds the replacement too, and
the same host has the same replacement everywhere.
"""

from __future__ import annotations

from functools import lru_cache

from conntrace.events import Event, Hello, LookupEnd, RequestStart
from conntrace.events_lambda import InvocationStart, PlatformInvoke

_HOST_FIELDS = ("host", "address", "evictor_host")
_AUTHORITY_FIELDS = ("proxy", "redirect_from")
_ACCOUNT = 4
"""Its place in an ARN."""


@lru_cache(maxsize=4096)
def redacted_host(host: str) -> str:
    """`host-` and 8 hexadecimal digits of its SHA-256: the same for the same name, not reversible
    without guessing it."""
    if not host:
        return host
    import hashlib  # takes milliseconds, and hardly anybody hides names

    return "host-" + hashlib.sha256(host.lower().encode()).hexdigest()[:8]


def redact(event: Event, what: frozenset[str]) -> None:
    """Replace in the event what `what` names: `hosts`, `paths`."""
    if "paths" in what and isinstance(event, RequestStart):
        event.path = ""
    if "hosts" in what:
        _redact_hosts(event)


def _redact_hosts(event: Event) -> None:
    for name in _HOST_FIELDS:
        value = getattr(event, name, "")
        if value:
            setattr(event, name, redacted_host(value))
    for name in _AUTHORITY_FIELDS:
        value = getattr(event, name, "")
        if value:
            setattr(event, name, _redacted_authority(value))
    if isinstance(event, LookupEnd):
        event.answers = tuple(map(redacted_host, event.answers))


def _redacted_authority(value: str) -> str:
    host, colon, port = value.rpartition(":")
    return f"{redacted_host(host)}:{port}" if colon else redacted_host(value)


def scrub(event: Event) -> None:
    """Take out what a saved recording must not hold: the token of the run, URL paths, and the
    number of an AWS account."""
    if isinstance(event, Hello):
        event.token = ""
    elif isinstance(event, RequestStart):
        event.path = ""
    elif isinstance(event, (InvocationStart, PlatformInvoke)):
        parts = event.arn.split(":")
        if len(parts) > _ACCOUNT:
            parts[_ACCOUNT] = "0" * 12
        event.arn = ":".join(parts)
