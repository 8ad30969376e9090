"""What sent an event: the forms that AWS documents, and whatever else may come."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from conntrace.traced.lambda_trigger import FORMS, MAX_RECORDS, RECORDS, Trigger, trigger_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
W3C = f"00-{TRACE}-{SPAN}-01"
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def api_v1(**more: Any) -> dict[str, Any]:
    """A REST API's event."""
    return {
        "resource": "/orders/{id}",
        "path": "/orders/4711",
        "httpMethod": "GET",
        "headers": {"Authorization": "secret"},
        "multiValueHeaders": {"Authorization": ["secret"]},
        "requestContext": {"apiId": "1234567890", "resourcePath": "/orders/{id}", "stage": "prod"},
        **more,
    }


def api_v2(**context: Any) -> dict[str, Any]:
    """An HTTP API's event; a function URL's has the same form."""
    return {
        "version": "2.0",
        "routeKey": "POST /orders/{id}",
        "rawPath": "/orders/4711",
        "headers": {"cookie": "secret", "traceparent": W3C},
        "requestContext": {"http": {"method": "POST", "path": "/orders/4711"}, **context},
    }


def records(source: str, *items: dict[str, Any], key: str = "eventSource") -> dict[str, Any]:
    """A batch of records from `source`."""
    return {"Records": [{key: source, **item} for item in items or ({},)]}


EVENT_BRIDGE = {"version": "0", "id": "1", "account": "1", "detail": {}}
AUTHORIZER = {"type": "TOKEN", "methodArn": "arn:aws:execute-api:::", "authorizationToken": "s"}

CASES: dict[str, tuple[Any, Trigger]] = {
    "API Gateway v1": (
        api_v1(),
        Trigger("http", "aws:apigateway", "GET", "/orders/{id}"),
    ),
    "API Gateway v1, parent in a header of any case": (
        api_v1(headers={"x": "y", "TraceParent": W3C}),
        Trigger("http", "aws:apigateway", "GET", "/orders/{id}", TRACE, SPAN),
    ),
    "API Gateway v1, parent in a header of several values": (
        api_v1(headers=None, multiValueHeaders={"Traceparent": [W3C, "x"]}),
        Trigger("http", "aws:apigateway", "GET", "/orders/{id}", TRACE, SPAN),
    ),
    "API Gateway v2": (
        api_v2(apiId="x"),
        Trigger("http", "aws:apigateway", "POST", "/orders/{id}", TRACE, SPAN),
    ),
    "API Gateway v2, parent that was not sampled": (
        {**api_v2(), "headers": {"traceparent": W3C[:-2] + "00"}, "routeKey": "$default"},
        Trigger("http", "aws:apigateway", "POST", "", TRACE, SPAN + "-00"),
    ),
    "API Gateway WebSocket": (
        {"requestContext": {"apiId": "x", "routeKey": "$connect", "eventType": "CONNECT"}},
        Trigger("http", "aws:apigateway", "", "$connect"),
    ),
    "API Gateway authorizer": (AUTHORIZER, Trigger("http", "aws:apigateway")),
    "function URL": (
        {**api_v2(domainName="abc.lambda-url.eu-west-1.on.aws", apiId="abc"), "headers": {}},
        Trigger("http", "aws:lambda-url", "POST", ""),
    ),
    "load balancer": (
        {
            "requestContext": {"elb": {"targetGroupArn": "arn"}},
            "httpMethod": "GET",
            "path": "/orders/4711",
            "headers": {"traceparent": W3C},
        },
        Trigger("http", "aws:elasticloadbalancing", "GET", "", TRACE, SPAN),
    ),
    "VPC Lattice": (
        {
            "version": "2.0",
            "method": "GET",
            "path": "/orders/4711",
            "headers": {"traceparent": [W3C]},
            "requestContext": {"serviceNetworkArn": "arn"},
        },
        Trigger("http", "aws:vpc-lattice", "GET", "", TRACE, SPAN),
    ),
    "AppSync": (
        {
            "info": {"fieldName": "order", "parentTypeName": "Query"},
            "request": {"headers": {"traceparent": W3C}},
        },
        Trigger("http", "aws:appsync", "", "", TRACE, SPAN),
    ),
    "SQS": (
        records(
            "aws:sqs",
            {"attributes": {"AWSTraceHeader": XRAY}, "body": "secret"},
            {"messageAttributes": {"traceparent": {"stringValue": W3C, "dataType": "String"}}},
            {"attributes": {"AWSTraceHeader": XRAY + ";Lineage=1:2"}},
            {"attributes": {"AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793"}},
        ),
        Trigger("pubsub", "aws:sqs", links=(XRAY, W3C)),
    ),
    "SNS": (
        records(
            "aws:sns",
            {"Sns": {"MessageAttributes": {"traceparent": {"Type": "String", "Value": W3C}}}},
            key="EventSource",
        ),
        Trigger("pubsub", "aws:sns", links=(W3C,)),
    ),
    "Kafka": (
        {
            "eventSource": "aws:kafka",
            "records": {"orders-0": [{"headers": [{"a": [1]}, {"traceparent": [*W3C.encode()]}]}]},
        },
        Trigger("pubsub", "aws:kafka", links=(W3C,)),
    ),
    "S3": (records("aws:s3"), Trigger("datasource", "aws:s3")),
    "DynamoDB stream": (records("aws:dynamodb"), Trigger("datasource", "aws:dynamodb")),
    "Kinesis stream": (records("aws:kinesis"), Trigger("pubsub", "aws:kinesis")),
    "EventBridge": (
        {**EVENT_BRIDGE, "source": "shop", "detail-type": "Order placed"},
        Trigger("pubsub", "aws:events"),
    ),
    "EventBridge rule with a schedule": (
        {**EVENT_BRIDGE, "source": "aws.events", "detail-type": "Scheduled Event"},
        Trigger("timer", "aws:events"),
    ),
    "EventBridge scheduler": (
        {**EVENT_BRIDGE, "source": "aws.scheduler", "detail-type": "Scheduled Event"},
        Trigger("timer", "aws:events"),
    ),
    "CloudWatch Logs": ({"awslogs": {"data": "H4sI"}}, Trigger("pubsub", "aws:logs")),
    "Cognito": (
        {"triggerSource": "PreSignUp_SignUp", "userPoolId": "p", "request": {}, "response": {}},
        Trigger("other", "aws:cognito-idp"),
    ),
    "CloudFormation": (
        {"RequestType": "Create", "StackId": "s", "ResponseURL": "u"},
        Trigger("other", "aws:cloudformation"),
    ),
    "CodePipeline": ({"CodePipeline.job": {"id": "1"}}, Trigger("other", "aws:codepipeline")),
    "direct, with a parent": (
        {"headers": {"traceparent": W3C}},
        Trigger("other", "", "", "", TRACE, SPAN),
    ),
    "direct": ({"order": 4711}, Trigger("other")),
    "a list": ([1, 2], Trigger("other")),
    "a text": ("x" * 100, Trigger("other")),
    "nothing": (None, Trigger("other")),
    "bytes, not parsed": (b"\x00", Trigger("other")),
}


@pytest.mark.parametrize("name", CASES)
def test_event(name: str) -> None:
    """Source, method, route, parent and links, and nothing else."""
    event, expected = CASES[name]
    assert trigger_of(event) == expected


@pytest.mark.parametrize("source", RECORDS)
def test_each_source_of_records(source: str) -> None:
    """The table is what decides."""
    assert trigger_of(records(source))[:2] == (RECORDS[source], source)


@pytest.mark.parametrize("row", range(len(FORMS)))
def test_each_form(row: int) -> None:
    """An event with values in these places, and only such a one."""
    source, kind, places = FORMS[row]
    event: dict[str, Any] = {}
    for place in places:
        *outer, name = place.split("/")
        holder = event
        for each in outer:
            holder = holder.setdefault(each, {})
        holder[name] = "value"
    assert trigger_of(event)[:2] == (kind, source)
    del event[places[-1].partition("/")[0]]
    assert trigger_of(event)[:2] == ("other", "")


@pytest.mark.parametrize(
    "traceparent",
    [
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-+1",
        "",
        "x" * 100_000,
        17,
        None,
        [],
        {"a": W3C},
    ],
    ids=lambda value: str(value)[:70],
)
def test_what_is_no_traceparent_is_no_parent(traceparent: object) -> None:
    """W3C Trace Context, section 3.2.2."""
    event = {**api_v2(), "headers": {"traceparent": traceparent}}
    assert trigger_of(event)[4:6] == ("", "")


def test_a_later_version_of_traceparent_is_read() -> None:
    """Section 3.2.4: what is known of it counts."""
    event = {"headers": {"traceparent": f"01-{TRACE}-{SPAN}-03-what-ever"}}
    assert trigger_of(event)[4:6] == (TRACE, SPAN)


def test_nothing_private_is_copied() -> None:
    """Whatever the event holds: only trace context, method and route come out."""
    for event, _ in CASES.values():
        found = str(trigger_of(event))
        assert "secret" not in found
        assert "4711" not in found


def test_a_method_that_is_none_is_left_out() -> None:
    """Methods are words; what is longer or has other characters is not ours to repeat."""
    for method in ("GET /secret", "x" * 100, 5, None, ["GET"]):
        assert trigger_of(api_v1(httpMethod=method)).method == ""


def test_of_a_huge_batch_the_first_records_are_looked_at() -> None:
    """10,000 messages of SQS, and 200,000 headers: the cost stays that of a few."""
    messages = [
        {"messageAttributes": {"traceparent": {"stringValue": f"00-{number:032x}-{SPAN}-01"}}}
        for number in range(1, 10_001)
    ]
    batch = records("aws:sqs", *messages)
    many_headers = api_v1(headers={f"x-header-{number}": "y" for number in range(200_000)})

    began = time.thread_time()
    assert len(trigger_of(batch).links) == MAX_RECORDS
    trigger_of(many_headers)
    assert time.thread_time() - began < 0.05


def test_any_json_value_is_taken() -> None:
    """Every place that is looked at may hold anything."""
    chance = random.Random(20)
    values = [None, True, 0, -1.5, "", "x", W3C, XRAY, [], {}, [None], {"": None}, [[]], "$default"]

    def mutated(value: Any) -> Any:
        if chance.random() < 0.15:
            return chance.choice(values)
        if isinstance(value, dict):
            return {key: mutated(item) for key, item in value.items()}
        if isinstance(value, list):
            return [mutated(item) for item in value]
        return value

    events = [event for event, _ in CASES.values() if not isinstance(event, bytes)]
    for _ in range(3000):
        event = json.loads(json.dumps(mutated(chance.choice(events))))
        found = trigger_of(event)
        assert isinstance(found, Trigger)
        assert all(isinstance(part, str) for part in (*found[:6], *found.links)), event
