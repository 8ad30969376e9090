"""What a function knows of itself, and which other tool makes its span."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from conntrace.traced.lambda_errors import posted_error_type
from conntrace.traced.lambda_function import function_facts, other_tool, starts_cold
from conntrace.traced.lambda_trace_context import client_context_parent, xray_header

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"


def test_facts_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fact from its variable; the version from the runtime client."""
    client = ModuleType("awslambdaric")
    client.__dict__["__version__"] = "4.2.2"
    monkeypatch.setitem(sys.modules, "awslambdaric", client)

    facts = function_facts(
        {
            "AWS_LAMBDA_FUNCTION_NAME": "orders",
            "AWS_LAMBDA_FUNCTION_VERSION": "7",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_REGION": "eu-west-1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/21/[7]abc",
            "_HANDLER": "app.handler",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        }
    )

    assert facts == (
        "orders", "7", 256, "eu-west-1", "/aws/lambda/orders", "2026/11/21/[7]abc",
        "app.handler", "on-demand", "AWS_Lambda_python3.13", "4.2.2",
    )  # fmt: skip


@pytest.mark.parametrize("memory", ["", "x", "-1", "²", "1e3"])
def test_no_facts_are_no_facts(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator sets few of them, and garbage is none."""
    monkeypatch.delitem(sys.modules, "awslambdaric", raising=False)
    facts = function_facts({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory})
    assert facts == ("", "", 0, "", "", "", "", "", "", "")


@pytest.mark.parametrize(
    ("initialization", "cold"),
    [
        (None, True),
        ("on-demand", True),
        ("provisioned-concurrency", False),
        ("snap-start", False),
        ("lambda-managed-instances", False),
    ],
)
def test_who_starts_cold(initialization: str | None, cold: bool) -> None:
    """Only an environment that was started for the invocation."""
    given = {} if initialization is None else {"AWS_LAMBDA_INITIALIZATION_TYPE": initialization}
    assert starts_cold(given) is cold


def test_datadog_makes_the_span() -> None:
    """Its layer puts its own handler in place."""
    assert other_tool({"_HANDLER": "datadog_lambda.handler.handler"}) == "datadog"


def test_datadog_as_a_decorator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its library without the layer."""
    monkeypatch.setitem(sys.modules, "datadog_lambda.wrapper", ModuleType("x"))
    assert other_tool({"_HANDLER": "app.handler"}) == "datadog"


@pytest.mark.parametrize(("instrumented", "tool"), [(True, "opentelemetry"), (False, "")])
def test_opentelemetry_makes_the_span(
    instrumented: bool, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only when its instrumentation is on, not when it is merely installed or imported."""
    module = ModuleType("opentelemetry.instrumentation.aws_lambda")
    module.__dict__["AwsLambdaInstrumentor"] = lambda: SimpleNamespace(
        is_instrumented_by_opentelemetry=instrumented
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert other_tool({"_HANDLER": "otel_wrapper.lambda_handler"}) == tool


def test_nobody_else_makes_the_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is half imported, or none."""
    assert other_tool({}) == ""
    name = "opentelemetry.instrumentation.aws_lambda"
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert other_tool({}) == ""


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=1", f"{ROOT};Parent=53995c3f42cd8ad8;Sampled=1"),
        (f"Self=1-x;Sampled=0; {ROOT} ;Lineage=a:1", f"{ROOT};Sampled=0"),
        (f"{ROOT};Parent=secret;Sampled=?", ROOT),
        ("Root=2-5759e988-bd862e3fe1be46a994272793", ""),
        ("Root=1-5759e988-bd862e3fe1be46a99427279", ""),
        ("", ""),
        (";;=;", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_xray_header(header: object, kept: str) -> None:
    """What names a trace and a span, in one order; the rest is dropped."""
    assert xray_header(header) == kept


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (f'{{"w3c": {{"traceparent": "00-{TRACE}-{SPAN}-01"}}}}', (TRACE, SPAN)),
        (f'{{"custom": {{"traceparent": "00-{TRACE}-{SPAN}-00"}}}}', (TRACE, f"{SPAN}-00")),
        ('{"custom": {"traceparent": 5}}', ("", "")),
        ('{"custom": "traceparent"}', ("", "")),
        ('["traceparent"]', ("", "")),
        ('{"traceparent', ("", "")),
        ("{}", ("", "")),
        (None, ("", "")),
    ],
)
def test_client_context(context: object, expected: tuple[str, str]) -> None:
    """A direct invocation can carry a parent there."""
    assert client_context_parent(context) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"errorMessage": "m", "errorType": "KeyError"}, "KeyError"),
        ({"errorMessage": "m"}, "Error"),
        ({"errorType": 5}, "Error"),
        ('{"errorMessage": "m", "errorType": "KeyError", "requestId": "r"}', "KeyError"),
        (r'{"errorMessage": "\"errorType\": \"Fake\"", "errorType": "True"}', "True"),
        ('{"errorMessage": "m", "errorType": ""}', "Error"),
        ('{"errorMessage": "m"', "Error"),
        ('{"errorType": "' + "x" * 5000, "x" * 200),
        ("", "Error"),
        (None, "Error"),
    ],
)
def test_error_type_of_a_reply(reply: object, expected: str) -> None:
    """The runtime client of version 2.0 hands over JSON where later ones hand over an object."""
    assert posted_error_type(reply) == expected
