"""Which redirect a frame on the stack follows. (urllib3 and requests: over real sockets.)"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from conntrace.traced.redirects import NO_REDIRECT, Redirect, redirect_before

BOTOCORE = """
def _send_request(context, success_response):
    return redirect_before()
"""


def in_botocore(context: dict[str, Any], url: str) -> Redirect:
    """What is found below botocore's loop of attempts."""
    names: dict[str, Any] = {"__name__": "botocore.endpoint", "redirect_before": redirect_before}
    exec(BOTOCORE, names)
    response = SimpleNamespace(url=url, status_code=301)
    found: Redirect = names["_send_request"](context, (response, {}))
    return found


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://bucket.s3.amazonaws.com/key?list", "bucket.s3.amazonaws.com:443"),
        ("http://user:word@Host.example:8080/", "host.example:8080"),
        ("http://[::1]/x", "[::1]:80"),
        ("http://[::1]:81/x", "[::1]:81"),
    ],
)
def test_s3_region_redirect(url: str, origin: str) -> None:
    """Scheme, host and port of who sent the client on; nothing else of the URL."""
    assert in_botocore({"s3_redirect": {"redirected": True}}, url) == Redirect(origin, 301)


@pytest.mark.parametrize("context", [{}, {"s3_redirect": {"redirected": False}}])
def test_a_retry_is_no_redirect(context: dict[str, Any]) -> None:
    """Control: another attempt in the same region."""
    assert in_botocore(context, "https://bucket.s3.amazonaws.com/") == NO_REDIRECT


def test_nobody_follows_anything() -> None:
    """Control: an ordinary stack."""
    assert redirect_before() == NO_REDIRECT
