"""The table of settings: every environment variable conntrace reads, with what it means and takes.

Read while a traced program starts, so nothing is imported here that is not loaded anyway.
`docs/settings.md` is generated from it.
"""

from __future__ import annotations

from conntrace import setting_values as read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
# "Known values for OTEL_PROPAGATORS" of the specification, and `xray-lambda` of its FaaS part.
PROPAGATORS = (
    "tracecontext",
    "baggage",
    "b3",
    "b3multi",
    "jaeger",
    "xray",
    "xray-lambda",
    "ottrace",
    "none",
)
PROTOCOLS = ("http/json", "http/protobuf", "grpc")
GIBIBYTE = 1 << 30


class Setting:
    """One row: the variables in order of precedence, how to read them, and what to tell the user.

    `read` raises `ValueError` for text that it does not take. `secret` values are never shown.
    `internal` ones are set by conntrace itself and stand in no document.
    """

    __slots__ = ("accepted", "default", "field", "internal", "meaning", "names", "read", "secret")

    def __init__(
        self,
        field: str,
        names: tuple[str, ...],
        read: Callable[[str], object],
        default: object,
        accepted: str,
        meaning: str,
        *,
        secret: bool = False,
        internal: bool = False,
    ) -> None:
        self.field = field
        self.names = names
        self.read = read
        self.default = default
        self.accepted = accepted
        self.meaning = meaning
        self.secret = secret
        self.internal = internal


def _otlp(name: str) -> tuple[str, str]:
    """The variable for traces goes before the one for all signals."""
    return f"OTEL_EXPORTER_OTLP_TRACES_{name}", f"OTEL_EXPORTER_OTLP_{name}"


_TRUE_FALSE = "true or false"
_PAIRS = "key=value pairs with commas between them, values percent-encoded"
_PATH = "the path of a PEM file"

TABLE: tuple[Setting, ...] = (
    Setting(
        "enabled",
        ("CONNTRACE_ENABLED",),
        read.flag,
        True,
        _TRUE_FALSE,
        "The switch: with `false` the program is left untouched.",
    ),
    Setting(
        "sdk_disabled",
        ("OTEL_SDK_DISABLED",),
        read.otel_flag,
        False,
        _TRUE_FALSE,
        "With `true` the program is left untouched, as by `CONNTRACE_ENABLED=false`.",
    ),
    Setting(
        "audit",
        ("CONNTRACE_AUDIT",),
        read.flag,
        None,
        _TRUE_FALSE,
        "Also watch the interpreter's audit events, which show lookups and connects that no hook "
        "saw. Not set: on under `conntrace run` and in the Lambda layer, off for "
        "`conntrace.instrument()`, because Python cannot remove an audit hook.",
    ),
    Setting(
        "redact",
        ("CONNTRACE_REDACT",),
        read.words_of("hosts", "paths"),
        frozenset(),
        "hosts, paths or hosts,paths",
        "Names to hide in spans: host names (the same stand-in for the same name), URL paths.",
    ),
    Setting(
        "export",
        ("CONNTRACE_EXPORT",),
        read.one_of("all", "findings"),
        "all",
        "all or findings",
        "`findings` exports only traces in which a connection was set up, closed or waited for, a "
        "pool evicted, a name looked up, or something not finished.",
    ),
    Setting(
        "call_sites",
        ("CONNTRACE_CALL_SITES",),
        read.flag,
        True,
        _TRUE_FALSE,
        "Record which line of the program made a client or opened a connection.",
    ),
    Setting(
        "file_max_bytes",
        ("CONNTRACE_FILE_MAX_BYTES",),
        read.size,
        GIBIBYTE,
        "a number of bytes above 0, also with K, M or G",
        "How large a span file may grow; what does not fit is counted as dropped.",
    ),
    Setting(
        "exec_wrapper_next",
        ("CONNTRACE_EXEC_WRAPPER_NEXT",),
        str,
        "",
        "the path of a program",
        "AWS Lambda: another exec wrapper, to be run after conntrace's own.",
    ),
    Setting(
        "channel",
        ("CONNTRACE_CHANNEL",),
        str,
        "",
        "",
        "Where the traced process sends its events.",
        internal=True,
    ),
    Setting(
        "token",
        ("CONNTRACE_TOKEN",),
        str,
        "",
        "",
        "Proof that a process belongs to this run.",
        secret=True,
        internal=True,
    ),
    Setting(
        "testing",
        ("CONNTRACE_TESTING",),
        read.flag,
        False,
        _TRUE_FALSE,
        "conntrace's own tests: its failures are raised instead of counted.",
        internal=True,
    ),
    Setting(
        "service_name",
        ("OTEL_SERVICE_NAME",),
        str,
        "",
        "any text",
        "`service.name` of all spans. Not set: the name of the program.",
    ),
    Setting(
        "resource_attributes",
        ("OTEL_RESOURCE_ATTRIBUTES",),
        read.pairs,
        (),
        _PAIRS,
        "Attributes for the resource of all spans.",
        secret=True,
    ),
    Setting(
        "propagators",
        ("OTEL_PROPAGATORS",),
        read.words_of(*PROPAGATORS),
        frozenset(),
        ", ".join(PROPAGATORS) + ", with commas between them",
        "AWS Lambda: where an invocation's span finds its parent. `tracecontext`: in the event; "
        "`xray-lambda`: in the X-Ray header of the invocation, which is otherwise a link. The "
        "others have no effect. Not set: `tracecontext`.",
    ),
    Setting(
        "sampler",
        ("OTEL_TRACES_SAMPLER",),
        read.one_of(*SAMPLERS),
        "parentbased_always_on",
        ", ".join(SAMPLERS),
        "Which traces are exported. Causes are found from everything, whatever is exported.",
    ),
    Setting(
        "sampler_ratio",
        ("OTEL_TRACES_SAMPLER_ARG",),
        read.ratio,
        1.0,
        "a number from 0 to 1",
        "The share of traces that the `traceidratio` samplers export.",
    ),
    Setting(
        "otlp_traces_endpoint",
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",),
        read.endpoint,
        "",
        "a URL with http or https; for grpc also host:port",
        "Where spans are sent, used as it stands.",
        secret=True,
    ),
    Setting(
        "otlp_endpoint",
        ("OTEL_EXPORTER_OTLP_ENDPOINT",),
        read.endpoint,
        "",
        "a URL with http or https; for grpc also host:port",
        "Where spans are sent; for HTTP `v1/traces` is added to its path.",
        secret=True,
    ),
    Setting(
        "otlp_protocol",
        _otlp("PROTOCOL"),
        read.one_of(*PROTOCOLS),
        "",
        ", ".join(PROTOCOLS),
        "`http/json` is built in; the others need `pip install conntrace[otel]`. Not set: `grpc` "
        "when the endpoint's port is 4317, which is kept for it, else `http/json`.",
    ),
    Setting(
        "otlp_headers",
        _otlp("HEADERS"),
        read.pairs,
        (),
        _PAIRS,
        "Headers for each export, such as a back end's key.",
        secret=True,
    ),
    Setting(
        "otlp_timeout_s",
        _otlp("TIMEOUT"),
        read.timeout,
        10.0,
        "a number of milliseconds (10000), or of seconds when it is below 100",
        "How long one export may take, retries included. Milliseconds by the specification; "
        "OpenTelemetry's Python SDK reads seconds, so a number below 100 is taken as seconds.",
    ),
    Setting(
        "otlp_compression",
        _otlp("COMPRESSION"),
        read.one_of("none", "gzip"),
        "",
        "gzip or none",
        "Not set: `gzip` for exports of 1 KiB and more with `http/json`, else none.",
    ),
    Setting(
        "otlp_certificate",
        _otlp("CERTIFICATE"),
        str,
        "",
        _PATH,
        "Certificates to trust when the endpoint is checked, in place of the system's.",
    ),
    Setting(
        "otlp_client_key",
        _otlp("CLIENT_KEY"),
        str,
        "",
        _PATH,
        "Private key to show to the endpoint (mutual TLS).",
    ),
    Setting(
        "otlp_client_certificate",
        _otlp("CLIENT_CERTIFICATE"),
        str,
        "",
        _PATH,
        "Certificate to show to the endpoint (mutual TLS).",
    ),
)
