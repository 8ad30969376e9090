"""What spans and attributes mean, for docs/spans.md; the names are conntrace.semantic_names."""

from __future__ import annotations

from typing import NamedTuple


class SpanText(NamedTuple):
    """One kind of span. `name` is what follows the constant, or the whole name without one."""

    name: str
    kind: str
    parent: str
    meaning: str


_STEP = "the set-up, else the span that is current"
_CURRENT = "the span that is current"

# By the constant of semantic_names; those without one are at the end.
SPANS: dict[str, SpanText] = {
    "CONNECTION_SETUP": SpanText(
        "{host}:{port}",
        "INTERNAL",
        "the request, else the span that is current",
        "A new connection is made. Carries the cause, and what is known of the connection and the"
        " pool before it. Linked to the close or eviction that made it necessary.",
    ),
    "DNS_LOOKUP": SpanText(
        "{name}",
        "INTERNAL",
        _STEP,
        "A name is looked up. Carries the cause of its set-up, or one of its own. One that only an"
        " audit event showed has no duration.",
    ),
    "DNS_REVERSE_LOOKUP": SpanText("{ip}", "INTERNAL", _STEP, "An address is looked up."),
    "SOCKET_CONNECT": SpanText(
        "{ip}:{port}", "INTERNAL", _STEP, "One attempted address; several attempts are several."
    ),
    "PROXY_CONNECT": SpanText(
        "{host}:{port}", "CLIENT", "the set-up", "A proxy is asked for a tunnel."
    ),
    "TRUST_STORE_LOAD": SpanText(
        "", "INTERNAL", _STEP, "The bundle of CA certificates is read and parsed."
    ),
    "TLS_HANDSHAKE": SpanText("{host}", "INTERNAL", _STEP, "The TLS handshake, client side."),
    "WAIT_FOR_CONNECTION": SpanText(
        "{host}:{port}",
        "INTERNAL",
        "the request",
        "The pool had nothing free and made the request wait. Not there when it did not wait.",
    ),
    "CONNECTION_CLOSE": SpanText(
        "{host}:{port}",
        "INTERNAL",
        "the span in which it was noticed",
        "A connection ended, with the reason and who decided it. Linked to its set-up.",
    ),
    "POOL_EVICTION": SpanText(
        "{host}:{port}",
        "INTERNAL",
        _CURRENT,
        "A client dropped the pool of this destination to make room for another one's.",
    ),
    "HTTP_REQUEST_METHOD": SpanText(
        "{http.request.method}",
        "CLIENT",
        _CURRENT,
        "One attempt of an HTTP request, to its response's headers. Only when no other"
        " instrumentation makes this span; then that one gets `conntrace.connection.*`.",
    ),
    "RPC_METHOD": SpanText(
        "{rpc.service}.{rpc.method}",
        "CLIENT",
        _CURRENT,
        "An AWS SDK call. Only when no other instrumentation makes this span.",
    ),
    "FAAS_NAME": SpanText(
        "{faas.name}",
        "SERVER",
        "the context in the event's headers, if there is one",
        "One invocation of a Lambda function, with what it spent on connections. Named"
        " `{http.request.method} {http.route}` when the event has a route; CONSUMER for a batch of"
        " SQS. An X-Ray header is a link, or the parent with `OTEL_PROPAGATORS=xray-lambda`. Only"
        " when no other tool makes this span.",
    ),
    "INIT": SpanText(
        "{faas.name} init",
        "INTERNAL",
        "none; the first invocation links to it",
        "What a Lambda function does before its first invocation. Not there when that is nothing."
        " When the function cannot be imported, this is the span of the invocation that failed.",
    ),
}

# Attributes under `conntrace.`; the others are explained in OpenTelemetry's registry.
ATTRIBUTES: dict[str, str] = {
    "SCHEMA": "Version of these names. On the resource, or on the scope of an SDK's spans.",
    "DROPPED_SPANS": "On the resource, from the Lambda layer: spans and reused requests lost since"
    " the export before, for want of room or because the back end did not take them.",
    "CAUSE_NAME": "Why it was necessary: an id of [causes.md](causes.md).",
    "CAUSE_CONFIDENCE": "`proved`: the facts exclude all other causes; `inferred`: they fit.",
    "CAUSE_DETAIL": "One sentence with the numbers.",
    "CAUSE_EVIDENCE": "The facts that it rests on.",
    "CAUSE_CONTRIBUTING": "Ids of other causes that had a part in it.",
    "CAUSE_AVOIDABLE": "Whether a change of the program would save it.",
    "CAUSE_ADVICE": "The change. Missing when conntrace is not sure enough.",
    "PURPOSE": "Whom it serves: `app`, `credentials` or `telemetry`.",
    "CONNECTION_ID": "The connection, unique together with the process.",
    "CONNECTION_REUSED": "Whether the request went over a connection that was there already.",
    "CONNECTION_IDLE_S": "How long it was idle. On a set-up: the lost connection's.",
    "CONNECTION_FROZEN_S": "The part of the idle time in which the Lambda sandbox was frozen.",
    "CONNECTION_AGE_S": "Since its set-up. On a set-up: the lost connection's.",
    "CONNECTION_REQUESTS": "Requests it carried. On a set-up: the lost connection's.",
    "CLOSE_REASON": "How the connection ended: an id of [causes.md](causes.md).",
    "CLOSE_INITIATOR": "Whose decision it was: `local` or `remote`.",
    "CLOSE_SERVER_IDLE_LIMIT_S": "After what idle time the server closed it, as the kernel saw it.",
    "POOL_ID": "The pool, unique together with the process.",
    "POOL_OWNER": "Who uses it: `boto3 dynamodb`, `requests.Session` …",
    "POOL_CREATED_AT": "The line that made it, `file:line`.",
    "POOL_NUM_POOLS": "How many pools the client may keep.",
    "POOL_MAXSIZE": "How many idle connections the pool keeps.",
    "POOL_IN_USE": "Connections in use at that moment, this one not counted.",
    "POOL_IDLE": "Idle connections in the pool at that moment.",
    "POOL_SIZE": "How many pools the client had when it dropped one.",
    "POOL_EVICTED_BY": "Destination of the pool that pushed this one out.",
    "POOL_CONNECTIONS_LOST": "Idle connections that an eviction closed.",
    "POOL_KEY_DIFFERENCE": "Settings in which it differs from another pool of the destination.",
    "SOCKET_KEEPALIVE": "Whether SO_KEEPALIVE is set.",
    "SOCKET_KEEPALIVE_IDLE_S": "Idle time before its first probe.",
    "ATTEMPT_INDEX": "Which attempt of a connection this address was, from 1.",
    "ATTEMPT_COUNT": "How many attempts there were.",
    "OBSERVED_BY": "`audit`: only an audit event showed it, so it has no duration.",
    "UNFINISHED_PHASE": "What was going on when its process ended or the program let go of it:"
    " `dns`, `connect`, `tls`, `sending`, `waiting`, `handler` or `init`.",
    "LEDGER_LOOKUPS": "Lookups of this invocation until its response, in the function's process."
    " What threads do later and child processes do stands in spans alone, as for all these totals.",
    "LEDGER_CONNECTS": "Connects of this invocation.",
    "LEDGER_HANDSHAKES": "TLS handshakes of this invocation.",
    "LEDGER_REQUESTS": "Requests of this invocation.",
    "LEDGER_REUSED": "Requests of this invocation over connections that were there already.",
    "LEDGER_EVICTIONS": "Pool evictions of this invocation.",
    "LEDGER_SETUP_S": "Time that set-ups took in this invocation.",
    "LEDGER_AVOIDABLE_S": "The part of it that a change would save.",
    "LEDGER_SPANS_DROPPED": "Spans of this invocation that were left out because there were too"
    " many. Missing when none was.",
    "LEDGER_AGENT_S": "Time that conntrace itself took in this invocation.",
    "LEDGER_EXTENSION_S": "How long the layer's extension took after the response before, or after"
    " several when those did not tell: billed, but nobody waited for it.",
}
