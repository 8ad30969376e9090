"""The settings: what the environment says, in one object that cannot be changed.

The traced program reads this module while it starts: `dataclasses` and `typing` would cost it
several milliseconds, so `Settings` is a plain slotted class, and a test holds its attributes
against `conntrace.settings_table`.

A wrong value never stops anything: it gets one line that names the variable and what it takes, and
the default is used. An empty value means "not set", as OpenTelemetry has it.
"""

from __future__ import annotations

from conntrace.settings_table import TABLE, Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "CONNTRACE_"
# Read by the scripts of a checkout, not by conntrace.
_NOT_OURS = ("CONNTRACE_CACHE",)


class Settings:
    """What the environment says; cannot be changed. `TABLE` tells what each attribute means."""

    __slots__ = tuple(row.field for row in TABLE)

    enabled: bool
    sdk_disabled: bool
    audit: bool | None
    redact: frozenset[str]
    export: str
    call_sites: bool
    file_max_bytes: int
    exec_wrapper_next: str
    channel: str
    token: str
    testing: bool
    service_name: str
    resource_attributes: tuple[tuple[str, str], ...]
    propagators: frozenset[str]
    sampler: str
    sampler_ratio: float
    otlp_traces_endpoint: str
    otlp_endpoint: str
    otlp_protocol: str
    otlp_headers: tuple[tuple[str, str], ...]
    otlp_timeout_s: float
    otlp_compression: str
    otlp_certificate: str
    otlp_client_key: str
    otlp_client_certificate: str

    def __init__(self, environment: Mapping[str, str], problems: list[str] | None = None) -> None:
        """Read `environment`; one line for each wrong value is added to `problems`."""
        for row in TABLE:
            object.__setattr__(self, row.field, _value(row, environment, problems))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings cannot be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"settings cannot be changed: {name}")

    @property
    def active(self) -> bool:
        """False when the program is to be left untouched."""
        return self.enabled and not self.sdk_disabled

    @property
    def reads_traceparent(self) -> bool:
        """Whether a W3C header in an event is the parent of what follows."""
        return not self.propagators or "tracecontext" in self.propagators

    @property
    def exports_otlp(self) -> bool:
        """Whether an OTLP endpoint is set."""
        return bool(self.otlp_traces_endpoint or self.otlp_endpoint)


def load(environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings, and one line for each thing that is wrong with the environment."""
    problems: list[str] = []
    settings = Settings(environment, problems)
    problems.extend(_unknown_names(environment))
    return settings, problems


def _value(row: Setting, environment: Mapping[str, str], problems: list[str] | None) -> object:
    for name in row.names:
        text = environment.get(name, "").strip()
        if not text:
            continue
        try:
            return row.read(text)
        except ValueError:
            if problems is not None:
                problems.append(_wrong_value(row, name, text))
    return row.default


def _wrong_value(row: Setting, name: str, text: str) -> str:
    subject = name if row.secret else f"{name}={text[:40]}"
    return f"{subject} is not accepted, it takes {row.accepted}; {_fallback(row)} [wrong-setting]"


def _fallback(row: Setting) -> str:
    if row.default in (None, "", (), frozenset()):
        return "going on as if it were not set"
    shown = str(row.default).lower() if isinstance(row.default, bool) else str(row.default)
    return f"using {shown}"


def _unknown_names(environment: Mapping[str, str]) -> list[str]:
    known = [name for row in TABLE for name in row.names if name.startswith(PREFIX)]
    known.extend(_NOT_OURS)
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    if not unknown:
        return []
    from difflib import get_close_matches  # rare, and not worth its price at every start

    offered = [
        name.removeprefix(PREFIX)
        for row in TABLE
        if not row.internal
        for name in row.names
        if name in known
    ]
    lines = []
    for name in unknown:
        # Without the prefix, which would make everything alike.
        close = get_close_matches(name.removeprefix(PREFIX), offered, n=1)
        hint = f"; did you mean {PREFIX}{close[0]}?" if close else ""
        lines.append(f"{name} is not a setting of conntrace{hint} [unknown-setting]")
    return lines
