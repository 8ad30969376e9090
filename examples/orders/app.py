"""A Lambda function that writes orders to a DynamoDB table. The demo runs it in three ways.

handler               one client, made at import, as boto3 makes it
                      TCP_KEEPALIVE=true makes it with Config(tcp_keepalive=True)
handler_new_client    a client for every invocation
"""

import os
import time

import boto3
from botocore.config import Config

config = Config(tcp_keepalive=os.environ.get("TCP_KEEPALIVE") == "true")
dynamodb = boto3.client("dynamodb", config=config)


def put_order(client, number):
    client.put_item(TableName="orders", Item={"id": {"N": str(number)}})


def handler(event, context):
    put_order(dynamodb, event["order"])
    if "pause_s" in event:
        # As when another service is slow: the function is awake, its connection is idle.
        time.sleep(event["pause_s"])
        put_order(dynamodb, event["order"])


def handler_new_client(event, context):
    client = boto3.client("dynamodb", config=config)
    put_order(client, event["order"])
