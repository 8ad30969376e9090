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


session = requests.Session()
session.cookies.set("hunter2-cookie-name", "hunter2-cookie")
attempt(lambda: session.get(f"http://{HOST}/j", headers={"X-hunter2-name": "hunter2-value"}))
proxies = {"https": f"http://hunter2-user:hunter2-password@127.0.0.1:{PROXY}"}
attempt(lambda: requests.get(f"https://{HOST}/k?hunter2-query", proxies=proxies, timeout=0.5))

store = boto3.client(
    "s3",
    endpoint_url=f"http://{HOST}",
    region_name="eu-west-1",
    aws_access_key_id="hunter2-access",
    aws_secret_access_key="hunter2-secret",
    aws_session_token="hunter2-session",
)
signed = store.generate_presigned_url("get_object", {"Bucket": "orders", "Key": "l"})
attempt(lambda: pool.request("GET", f"{signed}&x=hunter2-signed"))

passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, f"http://{HOST}/", "hunter2-user", "hunter2-password")
opener = urllib.request.build_opener(
    urllib.request.HTTPBasicAuthHandler(passwords),
    urllib.request.ProxyHandler({"http": f"http://hunter2-user:hunter2-pass@127.0.0.1:{PROXY}"}),
)
attempt(lambda: opener.open(f"http://{HOST}/m?hunter2-query", timeout=0.5).read())
tunnel = http.client.HTTPConnection("127.0.0.1", int(PROXY), timeout=0.5)
tunnel.set_tunnel(*HOST.split(":"), headers={"Proxy-Authorization": "hunter2-tunnel-header"})
attempt(lambda: tunnel.request("GET", "/n?hunter2-query"))
tunnel.close()


def fail_with_an_answer_in_the_text():
    answer = requests.get(f"{base}/o?key=hunter2-query", timeout=5)
    answer.status_code = 500
    answer.raise_for_status()


attempt(fail_with_an_answer_in_the_text)


def fail_inside_a_connection():
    class Own(http.client.HTTPConnection):
        def connect(self):
            raise Refused("hunter2-exception-text")

    Own(HOST).request("GET", "/")


attempt(fail_inside_a_connection)
attempt(lambda: socket.getaddrinfo("no-such-host.invalid", "hunter2-service"))
attempt(lambda: socket.create_connection(("127.0.0.1", 1)))
sys.stdout.flush()
