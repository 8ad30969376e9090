"""Run one of `programs/` under `conntrace run`, and check what every run must fulfil."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from conntrace import semantic_names as names
from conntrace.testing import Result, Span, Spans, run_program
from tests.integration.sound import assert_sound
from tests.servers.authority import Authority
from tests.servers.loopback import LoopbackServer

FIRST = "first_use_of_destination"
PROGRAMS = Path(__file__).parent / "programs"

Run = Callable[..., Result]

NO_AWS_SETUP = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Runner:
    """Runs programs that trust the tests' authority and reach nothing but the loopback."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.env = {
            **NO_AWS_SETUP,
            "AWS_CA_BUNDLE": str(authority.bundle),
            "TEST_CA": str(authority.bundle),
            "NO_PROXY": "*",
            "no_proxy": "*",
            "CONNTRACE_TESTING": "1",
        }

    def __call__(
        self, program: str, *arguments: object, env: dict[str, str] | None = None, code: int = 0
    ) -> Spans:
        """The spans of one program, after checking that it and conntrace did well."""
        result = self.result(program, *arguments, env=env)
        assert result.exit_code == code, result.stderr
        complaints = [
            line for line in result.stderr.splitlines() if not line.startswith("conntrace:")
        ]
        assert not complaints, result.stderr
        assert_sound(result.spans)
        return result.spans

    def result(
        self,
        program: str,
        *arguments: object,
        env: dict[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> Result:
        """The same without any check."""
        command = [str(PROGRAMS / f"{program}.py"), *map(str, arguments)]
        return run_program(command, env={**self.env, **(env or {})}, options=options)


def cause(span: Span) -> str:
    """The cause's name, empty when the span has none."""
    return str(span.attributes.get(names.CAUSE_NAME, ""))


def confidence(span: Span) -> str:
    """`proved` or `inferred`."""
    return str(span.attributes.get(names.CAUSE_CONFIDENCE, ""))


def detail(span: Span) -> str:
    """The cause in a sentence."""
    return str(span.attributes.get(names.CAUSE_DETAIL, ""))


def step_names(spans: Spans, setup: Span) -> list[str]:
    """The kinds of steps below a set-up, in order."""
    kinds = (
        names.DNS_LOOKUP,
        names.SOCKET_CONNECT,
        names.TRUST_STORE_LOAD,
        names.TLS_HANDSHAKE,
    )
    steps = spans.children(setup)
    return [kind for step in steps for kind in kinds if step.name.startswith(kind)]


def assert_one_setup_an_accept(spans: Spans, server: LoopbackServer) -> None:
    """Every connection the server saw has its set-up span, and the other way round."""
    assert len(spans.setups) == server.accepts


def assert_only_first_use(spans: Spans, server: LoopbackServer) -> None:
    """The control's verdict: one proved first use, no advice."""
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST]
    assert confidence(spans.setups[0]) == "proved"
    assert spans.advice == []
