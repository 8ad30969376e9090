"""One boto3 client, one put_item after another: `put_items.py COUNT PAUSE_S [--tcp-keepalive]`."""

import sys
import time

import boto3
from botocore.config import Config

count, pause_s = int(sys.argv[1]), float(sys.argv[2])
config = Config(tcp_keepalive=True) if "--tcp-keepalive" in sys.argv else Config()
client = boto3.client("dynamodb", config=config)
for number in range(count):
    if number:
        time.sleep(pause_s)
    client.put_item(TableName="orders", Item={"id": {"N": str(number)}})
