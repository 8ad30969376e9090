"""Functions for the suite of both platforms."""

import os

import boto3

client = boto3.client("dynamodb")


def put(event, context):
    """One PutItem with the client that INIT made."""
    item = {"pk": {"S": str(event.get("id", 1))}}
    client.put_item(TableName="orders", Item=item)
    return {"stored": event.get("id"), "request_id": context.aws_request_id}


if os.environ.get("PUT_EARLY"):
    client.put_item(TableName="orders", Item={"pk": {"S": "0"}})


def put_with_new_client(event, context):
    """The same, with a client for every invocation."""
    boto3.client("dynamodb").put_item(TableName="orders", Item={"pk": {"S": "1"}})
    return {"pid": os.getpid()}


def fail(event, context):
    """An exception of the handler's own, below a function of its own."""
    return lookup_price(event)


def lookup_price(event):
    """Where it goes wrong."""
    return event["price"]


def hang_in_put(event, context):
    """PutItem to a server that does not answer."""
    client.put_item(TableName="orders", Item={"pk": {"S": "1"}})


def leave(event, context):
    """End the process in the middle of an invocation."""
    put(event, context)
    os._exit(3)
