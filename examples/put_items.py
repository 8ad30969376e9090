"""Writes one order at a time to a DynamoDB table, with a short and a long pause in between.

python put_items.py                    one client, as boto3 makes it
python put_items.py --tcp-keepalive    the same with Config(tcp_keepalive=True)
python put_items.py --new-client       a client for every call
"""

import sys
import time

import boto3
from botocore.config import Config

PAUSES_S = (0.5, 2.5, 0.5, 2.5)


def put_order(client, number):
    client.put_item(TableName="orders", Item={"id": {"N": str(number)}})


def put_with_pauses(config):
    client = boto3.client("dynamodb", config=config)
    put_order(client, 0)
    for number, pause in enumerate(PAUSES_S, start=1):
        time.sleep(pause)
        put_order(client, number)


def put_with_new_clients():
    for number in range(4):
        client = boto3.client("dynamodb")
        put_order(client, number)
        time.sleep(0.2)


if __name__ == "__main__":
    if "--new-client" in sys.argv:
        put_with_new_clients()
    elif "--tcp-keepalive" in sys.argv:
        put_with_pauses(Config(tcp_keepalive=True))
    else:
        put_with_pauses(Config())
