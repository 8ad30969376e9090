"""Handlers of the experiments on the local Lambda."""

import contextlib
import os
import urllib.error
import urllib.request

import boto3
from botocore.config import Config

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
# The local Lambda has a region of its own; a real endpoint is in the user's.
REGION = os.environ.get("ENDPOINT_REGION")
client = boto3.client("dynamodb", region_name=REGION)
impatient = boto3.client("dynamodb", region_name=REGION, config=Config(read_timeout=3))


def put(client, number=0):
    client.put_item(TableName="orders", Item={"id": {"N": str(number)}})


def one_client(event, context):
    """The client is made once, in INIT."""
    put(client)


def impatient_client(event, context):
    """For answers that never come: boto3 by itself waits a minute for one."""
    put(impatient)


def client_for_each_invocation(event, context):
    """What many functions do: everything within the handler."""
    put(boto3.client("dynamodb", region_name=REGION))


def three_calls(event, context):
    """Three calls in a row through one client, as an auto-scaling function makes them."""
    for number in range(3):
        put(client, number)


def three_calls_without_a_client(event, context):
    """The same three calls by a function that makes a connection for one request."""
    for _ in range(3):
        # DynamoDB refuses a request without a signature; that is an answer too.
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(ENDPOINT).read()
