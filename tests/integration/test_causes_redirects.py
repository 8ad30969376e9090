"""A redirect to another origin needs a connection of its own; one to the same origin does not."""

from __future__ import annotations

import pytest

from conntrace import semantic_names as names
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, Runner, cause, confidence
from tests.servers.faults import FaultServer
from tests.servers.wire import Answer, Request

LIBRARIES = ("urllib3", "requests", "urllib.request")


@pytest.mark.parametrize("status", [301, 302])
@pytest.mark.parametrize("library", LIBRARIES)
def test_redirect_to_another_origin(run: Runner, serve: Serve, library: str, status: int) -> None:
    """The set-up names who sent the client on, and the address to use instead; nothing is advised
    where the redirect says that it is for this time only."""
    first, second = serve(), serve()
    target = second.url("b.test")
    spans = run(
        "with_failures", "follow", library, first.url("a.test", f"/redirect/{status}?{target}")
    )
    assert first.accepts == second.accepts == 1
    one, two = spans.setups
    assert cause(one) == FIRST
    assert (cause(two), confidence(two)) == ("redirect_other_origin", "proved")
    detail = str(two.attributes[names.CAUSE_DETAIL])
    assert f"a.test:{first.port} answered with a redirect ({status})" in detail
    assert two.attributes[names.CAUSE_AVOIDABLE] is False
    permanent = [f"Send the request to b.test:{second.port} from the start."]
    assert spans.advice == (permanent if status == 301 else [])


@pytest.mark.parametrize("library", ["urllib3", "requests"])
def test_redirect_within_the_origin(run: Runner, serve: Serve, library: str) -> None:
    """Control: a relative redirect is answered on the same connection."""
    server = serve()
    spans = run("with_failures", "follow", library, server.url("a.test", "/redirect?/there"))
    assert server.accepts == 1
    assert spans.causes == [FIRST]
    assert spans.advice == []


MOVED = Answer(
    301,
    b"<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>",
    (("x-amz-bucket-region", "us-west-2"), ("Content-Type", "application/xml")),
)


def in_its_region(_connection: int, _number: int, _client: object, asked: Request) -> bytes:
    """Buckets named `far...` are in us-west-2, all others in eu-west-1."""
    host = asked.headers["host"]
    at_home = ("us-west-2" in host) == host.startswith("far")
    return (Answer() if at_home else MOVED).encode(asked.method)


def test_bucket_in_another_region(run: Runner) -> None:
    """S3 answers with the bucket's region, and botocore goes there by itself."""
    with FaultServer(in_its_region) as server:
        spans = run("with_boto3", "regions", server.url(path=""), "eu-west-1", "far")
        assert server.accepts == 2
    one, two = spans.setups
    assert cause(one) == FIRST
    assert one.attributes[names.SERVER_ADDRESS] == "far.s3.eu-west-1.amazonaws.com"
    assert two.attributes[names.SERVER_ADDRESS] == "far.s3.us-west-2.amazonaws.com"
    assert (cause(two), confidence(two)) == ("redirect_other_origin", "proved")
    detail = str(two.attributes[names.CAUSE_DETAIL])
    assert "far.s3.eu-west-1.amazonaws.com:80 answered with a redirect (301)" in detail


@pytest.mark.parametrize(
    ("region", "buckets", "expected"),
    [
        ("us-west-2", ("far",), [FIRST]),
        ("eu-west-1", ("one", "two"), [FIRST, "sdk_endpoint_variation"]),
    ],
)
def test_bucket_in_its_region(
    run: Runner, region: str, buckets: tuple[str, ...], expected: list[str]
) -> None:
    """Control: the right region needs no redirect; another bucket's host is no redirect either."""
    with FaultServer(in_its_region) as server:
        spans = run("with_boto3", "regions", server.url(path=""), region, *buckets)
    assert spans.causes == expected
    assert all(confidence(setup) == "proved" for setup in spans.setups)
    assert spans.advice == []
