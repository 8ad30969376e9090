"""Handlers of the experiments on the local Lambda."""

import os
import urllib.request

import boto3

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
client = boto3.client("dynamodb")


def put(client, number=0):
    client.put_item(TableName="orders", Item={"id": {"N": str(number)}})


def one_client(event, context):
    """The client is made once, in INIT."""
    put(client)


def client_for_each_invocation(event, context):
    """What many functions do: everything within the handler."""
    put(boto3.client("dynamodb"))


def three_calls(event, context):
    """Three calls in a row through one client, as an auto-scaling function makes them."""
    for number in range(3):
        put(client, number)


def three_calls_without_a_client(event, context):
    """The same three calls by a function that makes a connection for one request."""
    for _ in range(3):
        urllib.request.urlopen(ENDPOINT).read()
