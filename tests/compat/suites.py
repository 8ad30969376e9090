"""The suites as rows: what is run, at which version, and what is left out and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# Their hosts lie outside this machine (240.0.0.0, 10.255.255.1): no suite may leave the loopback.
URLLIB3_TARPIT = (
    "test_connect_timeout",
    "test_create_connection_timeout",
    "test_total_applies_connect",
    "test_enhanced_timeout",
    "test_https_timeout",
    "test_http2_probe_blocked_per_thread",
    "test_http2_probe_no_result_in_connect_error",
    "test_forwarding_proxy_connect_timeout",
    "test_forwarding_proxy_request_timeout",
    "test_tunneling_proxy_connect_timeout",
    "test_tunneling_proxy_request_timeout",
    "test_https_proxy_tls_error",
    "test_proxy_https_target_tls_error",
)
REQUESTS_OUTSIDE = ("test_connect_timeout", "test_total_timeout_connect", "doesnotexist")

URLLIB3_FAST = (
    "test/test_connection.py",
    "test/test_connectionpool.py",
    "test/test_poolmanager.py",
    "test/with_dummyserver/test_socketlevel.py",
)
URLLIB3_FULL = (
    *URLLIB3_FAST,
    "test/with_dummyserver/test_chunked_transfer.py",
    "test/with_dummyserver/test_connectionpool.py",
    "test/with_dummyserver/test_https.py",
    "test/with_dummyserver/test_poolmanager.py",
    "test/with_dummyserver/test_proxy_poolmanager.py",
)
# With the environment emptied: they ask 169.254.169.254 for credentials.
BOTOCORE_OUTSIDE = (
    "test_with_csm_disabled_from_config",
    "test_with_csm_enabled_from_config",
    "test_can_specify_multiple_versions_from_config",
    "test_create_client_uses_api_version_from_config",
    "test_create_client_verify_param_overrides_all",
    "test_create_client_with_ca_bundle_from_config",
    "test_param_api_version_overrides_config_value",
)

# What builds clients, sends and retries. The rest, 60,000 cases over the service models, is data:
# no client of it ever comes near a connection, and it takes an hour.
BOTOCORE_CLIENTS = (
    "tests/unit/retries",
    "tests/unit/test_awsrequest.py",
    "tests/unit/test_client.py",
    "tests/unit/test_credentials.py",
    "tests/unit/test_endpoint.py",
    "tests/unit/test_http_client_exception_mapping.py",
    "tests/unit/test_http_session.py",
    "tests/unit/test_httpchecksum.py",
    "tests/unit/test_response.py",
    "tests/unit/test_retryhandler.py",
    "tests/unit/test_session.py",
    "tests/unit/test_stub.py",
    "tests/unit/test_utils.py",
    "tests/unit/test_waiters.py",
    "tests/functional/leak",
    "tests/functional/retries",
    "tests/functional/test_client.py",
    "tests/functional/test_credentials.py",
    "tests/functional/test_dynamodb.py",
    "tests/functional/test_history.py",
    "tests/functional/test_httpchecksum.py",
    "tests/functional/test_kinesis.py",
    "tests/functional/test_retry.py",
    "tests/functional/test_s3.py",
    "tests/functional/test_session.py",
    "tests/functional/test_six_threading.py",
    "tests/functional/test_sqs.py",
    "tests/functional/test_sts.py",
    "tests/functional/test_stub.py",
)

SOCKET_BASIC = (
    "BasicSocketPairTest",
    "BasicTCPTest",
    "BasicUDPTest",
    "ContextManagersTest",
    "CreateServerFunctionalTest",
    "CreateServerTest",
    "FileObjectClassTestCase",
    "GeneralModuleTests",
    "InheritanceTest",
    "NetworkConnectionAttributesTest",
    "NetworkConnectionNoServer",
    "NonBlockingTCPTests",
    "TCPTimeoutTest",
    "TestExceptions",
    "TestUnixDomain",
    "UDPTimeoutTest",
)
ASYNCIO_SOCKETS = (
    "test_events",
    "test_server",
    "test_sock_lowlevel",
    "test_sslproto",
    "test_streams",
)


@dataclass(frozen=True)
class Part:
    """A choice of tests: files of a pytest suite, or one module of CPython's with its classes."""

    targets: tuple[str, ...]
    only: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suite:
    name: str
    runner: Literal["pytest", "regrtest"]
    requirements: str
    full: Part
    fast: Part | None = None
    sdist: str | None = None
    # Settings of the suite's own kind of run, the same on both sides.
    environment: Mapping[str, str] = field(default_factory=dict)
    # Whether the traced side must have seen connections or lookups.
    leaves_spans: bool = True

    def part(self, full: bool) -> Part | None:
        return self.full if full else self.fast


def cpython(module: str, fast: Part | None, full: Part | None = None) -> Suite:
    whole = full or Part((module,))
    return Suite(f"cpython {module}", "regrtest", "cpython", whole, fast)


def patterns(module: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"test.{module}.{name}.*" for name in names)


SUITES = (
    Suite(
        name="urllib3-2",
        runner="pytest",
        requirements="urllib3-2",
        sdist="urllib3==2.8.0",
        fast=Part(URLLIB3_FAST),
        full=Part(URLLIB3_FULL, left_out=URLLIB3_TARPIT),
    ),
    Suite(
        name="urllib3-1.26",
        runner="pytest",
        requirements="urllib3-1.26",
        sdist="urllib3==1.26.20",
        # Three of 11 s each, and 2 GiB of memory: only in the full run.
        fast=Part(URLLIB3_FAST, left_out=("test_requesting_large_resources_via_ssl",)),
        full=Part(URLLIB3_FULL, left_out=URLLIB3_TARPIT),
    ),
    cpython("test_httplib", fast=Part(("test_httplib",))),
    cpython("test_urllib2_localnet", fast=Part(("test_urllib2_localnet",))),
    cpython("test_ssl", fast=Part(("test_ssl",))),
    cpython(
        "test_socket",
        fast=Part(("test_socket",), only=patterns("test_socket", SOCKET_BASIC)),
        # Virtual machine sockets hang plainly where the host has no other end for them.
        full=Part(("test_socket",), left_out=("test.test_socket.*VSOCK*",)),
    ),
    cpython(
        "test_asyncio",
        fast=None,
        full=Part(("test_asyncio",), only=patterns("test_asyncio", ASYNCIO_SOCKETS)),
    ),
    Suite(
        name="requests",
        runner="pytest",
        requirements="requests",
        sdist="requests==2.34.2",
        full=Part(("tests",), left_out=REQUESTS_OUTSIDE),
    ),
    Suite(
        name="botocore",
        runner="pytest",
        requirements="botocore",
        sdist="botocore==1.44.5",
        full=Part(BOTOCORE_CLIENTS, left_out=BOTOCORE_OUTSIDE),
        # Some ask the machine for credentials: on EC2 it would answer.
        environment={"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1/"},
    ),
)


def chosen(names: list[str], full: bool) -> list[Suite]:
    """The rows to run: those named, else all that have something for this kind of run."""
    known = {suite.name: suite for suite in SUITES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LookupError(f"no suite {unknown[0]!r}; there are: {', '.join(known)}")
    rows = [known[name] for name in names] if names else list(SUITES)
    return [suite for suite in rows if suite.part(full) is not None]
