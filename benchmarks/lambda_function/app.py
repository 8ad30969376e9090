"""The function that is measured: boto3 and requests imported, one put_item an invocation."""

import time

import boto3
import requests  # noqa: F401 - one of the libraries that are instrumented

dynamodb = boto3.client("dynamodb")


def handler(event, context):
    dynamodb.put_item(TableName="orders", Item={"id": {"S": "1"}})
    return {"cpu_ns": time.process_time_ns()}
