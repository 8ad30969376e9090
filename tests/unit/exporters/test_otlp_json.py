"""OTLP JSON, held against the protobuf definitions themselves."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from tests.unit.exporters.spans import START_NS, TRACE, make_span

from conntrace import __version__
from conntrace.analyzer.exporters.otlp_json import export_request
from conntrace.analyzer.span import AttributeValue, Link, Resource, Span

FULL = make_span(
    "HTTP connection_setup a:443",
    "00f067aa0ba902b7",
    parent="b7ad6b7169203331",
    links=(Link(TRACE, "1111111111111111"),),
    error=True,
    server__address="a",
    server__port=443,
    conntrace__connection__idle_s=2.5,
    conntrace__connection__reused=False,
    conntrace__cause__evidence=["one", "two"],
)


def parsed(*spans: Span) -> Any:
    return json.loads(export_request(spans))


def only_span(*spans: Span) -> Any:
    ((resource_spans,),) = [parsed(*spans)["resourceSpans"]]
    return resource_spans["scopeSpans"][0]["spans"][0]


def test_a_span_has_the_fields_of_the_specification() -> None:
    span = only_span(FULL)
    assert span["traceId"] == TRACE
    assert span["spanId"] == "00f067aa0ba902b7"
    assert span["parentSpanId"] == "b7ad6b7169203331"
    assert span["kind"] == 1
    assert span["startTimeUnixNano"] == str(START_NS)
    assert span["endTimeUnixNano"] == str(START_NS + 1_000_000)
    assert span["status"] == {"code": 2}
    assert span["links"] == [{"traceId": TRACE, "spanId": "1111111111111111"}]


@pytest.mark.parametrize(("kind", "number"), [("INTERNAL", 1), ("SERVER", 2), ("CLIENT", 3)])
def test_kinds_are_numbers(kind: str, number: int) -> None:
    assert only_span(make_span(kind=kind))["kind"] == number


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("text", {"stringValue": "text"}),
        (True, {"boolValue": True}),
        (2**53 + 1, {"intValue": "9007199254740993"}),
        (0.25, {"doubleValue": 0.25}),
        (math.inf, {"doubleValue": "Infinity"}),
        (-math.inf, {"doubleValue": "-Infinity"}),
        (math.nan, {"doubleValue": "NaN"}),
        (["a"], {"arrayValue": {"values": [{"stringValue": "a"}]}}),
        ([], {"arrayValue": {"values": []}}),
    ],
)
def test_values_by_type(value: AttributeValue, written: dict[str, object]) -> None:
    (attribute,) = only_span(make_span(x=value))["attributes"]
    assert attribute == {"key": "x", "value": written}


def test_a_root_has_no_parent_and_an_unset_status() -> None:
    span = only_span(make_span())
    assert "parentSpanId" not in span
    assert "links" not in span
    assert span["status"] == {}


def test_spans_are_grouped_by_resource_and_name_scope_and_schema() -> None:
    other = Resource((("service.name", "other"),))
    request = parsed(make_span("a"), make_span("b", resource=other), make_span("c"))
    assert [
        [span["name"] for span in group["scopeSpans"][0]["spans"]]
        for group in request["resourceSpans"]
    ] == [["a", "c"], ["b"]]
    scope = request["resourceSpans"][0]["scopeSpans"][0]["scope"]
    assert scope == {"name": "conntrace", "version": __version__}
    attributes = request["resourceSpans"][1]["resource"]["attributes"]
    assert {"key": "conntrace.schema", "value": {"intValue": "1"}} in attributes


def test_a_request_is_one_line_whatever_the_texts_hold() -> None:
    body = export_request([make_span(text="a\nb\r\u2028\x00\ud800")])
    assert body.count(b"\n") == body.count(b"\r") == 0
    json.loads(body)


def test_protobufs_own_reader_takes_it() -> None:
    json_format = pytest.importorskip("google.protobuf.json_format")
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    # protobuf's reader wants ids in base64, where OTLP says hexadecimal.
    request = parsed(FULL)
    for span in request["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for holder in (span, *span["links"]):
            for key in ("traceId", "spanId", "parentSpanId"):
                if key in holder:
                    holder[key] = base64.b64encode(bytes.fromhex(holder[key])).decode()
    message = json_format.ParseDict(request, service.ExportTraceServiceRequest())
    span = message.resource_spans[0].scope_spans[0].spans[0]
    assert span.trace_id.hex() == TRACE
    assert span.start_time_unix_nano == START_NS
    assert span.status.code == 2
    assert {each.key: each.value.WhichOneof("value") for each in span.attributes} == {
        "server.address": "string_value",
        "server.port": "int_value",
        "conntrace.connection.idle_s": "double_value",
        "conntrace.connection.reused": "bool_value",
        "conntrace.cause.evidence": "array_value",
    }


@pytest.mark.parametrize("text", ['a"b', "a\\b", 'x","name":"y', "\t\n\x00"])
def test_no_text_breaks_out_of_its_field(text: str) -> None:
    """Ids of an active span come from the traced program, like all other text."""
    made = make_span(text, trace=text, parent=text, links=(Link(text, text),), key=text)
    span = only_span(made)
    assert [span["traceId"], span["parentSpanId"], span["name"]] == [text] * 3
    assert span["links"] == [{"traceId": text, "spanId": text}]
    assert span["attributes"] == [{"key": "key", "value": {"stringValue": text}}]


def test_texts_that_are_equal_to_others_keep_their_type() -> None:
    """What is remembered of one value is not taken for another: True == 1 == 1.0."""
    spans = [make_span(value=value) for value in ("1", True, 1, 1.0, "1")]
    values = [
        span["attributes"][0]["value"]
        for span in parsed(*spans)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    ]
    text = {"stringValue": "1"}
    assert values == [text, {"boolValue": True}, {"intValue": "1"}, {"doubleValue": 1.0}, text]
