"""The function that is measured: boto3 and requests imported, one put_item an invocation."""

import time

import boto3
import requests  # noqa: F401 - one of the libraries that are instrumented

dynamodb = boto3.client("dynamodb")


def handler(event, context):
    dynamodb.put_item(TableName="orders", Item={"id": {"S": "1"}})
    return {"cpu_ns": time.process_time_ns()}


def flushing_handler(event, context):
    """As OpenTelemetry's own layer wraps a handler: its spans leave before the response does."""
    from opentelemetry import trace

    answer = handler(event, context)
    trace.get_tracer_provider().force_flush()
    return answer | {"cpu_ns": time.process_time_ns()}
