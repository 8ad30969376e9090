"""`stand_ins.py NAME URL FOLDER`: what takes the network's place in tests, or forbids it."""

import os
import sys

NAME, URL, FOLDER = sys.argv[1:4]


def moto():
    import boto3
    from moto import mock_aws

    names = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
    with mock_aws():
        client = boto3.client("dynamodb", **names)
        client.create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        client.put_item(TableName="orders", Item={"id": {"S": "1"}})
        print(client.get_item(TableName="orders", Key={"id": {"S": "1"}})["Item"])


def responses():
    import requests
    import responses as library

    with library.RequestsMock() as mock:
        mock.get("http://shop.invalid/", json={"a": 1})
        print(requests.get("http://shop.invalid/").json())
        try:
            requests.get(URL)
        except requests.ConnectionError as error:
            print(str(error).splitlines()[0])
    print(requests.get(URL).content)


def vcr():
    import urllib3
    import vcr as library

    for _ in range(2):
        with library.use_cassette(os.path.join(FOLDER, "cassette.yaml")) as cassette:
            print(urllib3.PoolManager().request("GET", URL).data, cassette.play_count)
    print(urllib3.PoolManager().request("GET", URL).data)


def pytest_socket():
    import urllib3
    from pytest_socket import SocketBlockedError, disable_socket, enable_socket

    disable_socket()
    try:
        urllib3.PoolManager(retries=False).request("GET", URL)
    except SocketBlockedError as error:
        print(error)
    enable_socket()
    print(urllib3.PoolManager().request("GET", URL).data)


def billiard():
    """The process pool of Celery's prefork workers."""
    from billiard.pool import Pool

    with Pool(2) as pool:
        print(pool.map(fetch, [URL] * 6))


def fetch(url):
    import urllib3

    return urllib3.PoolManager().request("GET", url).data


if __name__ == "__main__":
    globals()[NAME]()
