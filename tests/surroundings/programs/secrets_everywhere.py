"""`secrets_everywhere.py HOST:PORT PROXY_PORT`: each secret goes where programs put theirs."""

import http.client
import os
import socket
import sys
import urllib.request

import boto3
import requests
import urllib3
from botocore.config import Config

HOST, PROXY = sys.argv[1], sys.argv[2]
os.environ["SHOP_PASSWORD"] = "hunter2-environment"


class Refused(Exception):
    pass


def attempt(action):
    try:
        action()
    except Exception as error:
        print(type(error).__name__)
    else:
        print("done")


pool = urllib3.PoolManager(headers={"X-Key": "hunter2-default-header"}, retries=False)
secret_headers = {"Authorization": "Bearer hunter2-header", "Cookie": "hunter2-cookie"}
base = f"http://hunter2-user:hunter2-password@{HOST}"

attempt(lambda: pool.request("GET", f"{base}/a?token=hunter2-query#hunter2-fragment"))
attempt(
    lambda: pool.request("POST", f"http://{HOST}/b", headers=secret_headers, body="hunter2-body")
)
attempt(lambda: pool.request("POST", f"http://{HOST}/c", fields={"f": "hunter2-field"}))
attempt(lambda: pool.request("GET", f"http://{HOST}/die?key=hunter2-lost"))
attempt(lambda: pool.request("GET", f"http://{HOST}/reset;hunter2=1?hunter2-reset"))
redirect = f"http://{HOST}/redirect?http://hunter2-user:hunter2-password@{HOST}/e?hunter2-location"
attempt(lambda: pool.request("GET", redirect, redirect=True, retries=3))
attempt(lambda: requests.get(f"{base}/f?q=hunter2-query", auth=("hunter2-auth", "hunter2-auth")))
attempt(lambda: requests.get(f"http://{HOST}/close", headers=secret_headers, timeout=5))
attempt(lambda: urllib.request.urlopen(f"http://{HOST}/g?hunter2-query").read())

proxy = urllib3.ProxyManager(
    f"http://hunter2-proxy-user:hunter2-proxy-password@127.0.0.1:{PROXY}",
    proxy_headers={"Proxy-Authorization": "Basic hunter2-proxy-header"},
    cert_reqs="CERT_NONE",
    timeout=0.5,
    retries=False,
)
attempt(lambda: proxy.request("GET", f"https://{HOST}/h?hunter2-query"))

plain = http.client.HTTPConnection(HOST)
attempt(lambda: plain.request("PUT", "/i?hunter2-query", "hunter2-body", secret_headers))
plain.getresponse().read()

client = boto3.client(
    "dynamodb",
    endpoint_url=f"http://{HOST}",
    region_name="eu-west-1",
    aws_access_key_id="hunter2-access",
    aws_secret_access_key="hunter2-secret",
    aws_session_token="hunter2-session",
    config=Config(retries={"max_attempts": 0}),
)
attempt(lambda: client.put_item(TableName="hunter2-table", Item={"id": {"S": "hunter2-item"}}))


def fail_inside_a_connection():
    class Own(http.client.HTTPConnection):
        def connect(self):
            raise Refused("hunter2-exception-text")

    Own(HOST).request("GET", "/")


attempt(fail_inside_a_connection)
attempt(lambda: socket.getaddrinfo("no-such-host.invalid", "hunter2-service"))
attempt(lambda: socket.create_connection(("127.0.0.1", 1)))
sys.stdout.flush()
