"""Programs on boto3: `with_boto3.py FUNCTION ENDPOINT ARGUMENT...`; a function is a program."""

import _socket
import os
import sys
import threading
import time

import boto3
import loopback_names  # noqa: F401 - makes the *.test names known
from botocore.config import Config


def put(client, number=0):
    client.put_item(TableName="orders", Item={"id": {"N": str(number)}})


def reuse(endpoint, times="3", gap="0"):
    client = boto3.client("dynamodb", endpoint_url=endpoint)
    for number in range(int(times)):
        put(client, number)
        time.sleep(float(gap))


def keepalive(endpoint, gap):
    config = Config(tcp_keepalive=True)
    client = boto3.client("dynamodb", endpoint_url=endpoint, config=config)
    put(client)
    time.sleep(float(gap))
    put(client)


def recreate(endpoint):
    for _ in range(3):
        client = boto3.client("dynamodb", endpoint_url=endpoint)
        put(client)
        del client


def parallel(endpoint):
    first = boto3.client("dynamodb", endpoint_url=endpoint)
    put(first)
    second = boto3.client("dynamodb", endpoint_url=endpoint)
    put(second)


def close_and_go_on(endpoint):
    client = boto3.client("dynamodb", endpoint_url=endpoint)
    put(client)
    client.close()
    put(client)


def burst(endpoint, max_pool_connections):
    config = Config(max_pool_connections=int(max_pool_connections))
    client = boto3.client("s3", endpoint_url=endpoint, config=config)
    client.get_object(Bucket="orders", Key="first")["Body"].read()
    threads = [threading.Thread(target=read, args=(client, "gate", "2")) for _ in "xx"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def read(client, bucket, key):
    client.get_object(Bucket=bucket, Key=key)["Body"].read()


def gaps(endpoint, *pauses):
    config = Config(s3={"addressing_style": "path"})
    client = boto3.client("s3", endpoint_url=endpoint, config=config)
    read(client, "bucket", "first")
    for pause in pauses:
        time.sleep(float(pause))
        read(client, "bucket", "next")


def regions(endpoint, region, *buckets):
    """S3's own host names, region by region, all led to one server on the loopback."""
    found = _socket.getaddrinfo
    port = endpoint.rpartition(":")[2]

    def lead_astray(host, _, *arguments, **named):
        assert host.endswith(".amazonaws.com"), host
        return found("127.0.0.1", port, *arguments, **named)

    _socket.getaddrinfo = lead_astray
    client = boto3.client("s3", region_name=region, use_ssl=False)
    for bucket in buckets:
        read(client, bucket, "first")


def table(endpoint, count):
    client = boto3.client("dynamodb", endpoint_url=endpoint)
    client.create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for _ in range(int(count)):
        client = boto3.client("dynamodb", endpoint_url=endpoint)
        put(client)


def buckets(endpoint, count):
    config = Config(s3={"addressing_style": os.environ.get("STYLE", "virtual")})
    client = boto3.client("s3", endpoint_url=endpoint, config=config)
    for number in [*range(1, int(count) + 1), 1]:
        read(client, f"bucket-{number}", "key")


def retry(endpoint):
    config = Config(retries={"max_attempts": 2, "mode": "standard"})
    client = boto3.client("dynamodb", endpoint_url=endpoint, config=config)
    put(client)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
