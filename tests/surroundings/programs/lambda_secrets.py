"""A function whose event, answers, errors and environment are full of secrets."""

import os

import requests
import urllib3

SHOP = os.environ["SHOP_URL"]
pool = urllib3.PoolManager(retries=False)


def handler(event, context):
    token = event["headers"]["authorization"]
    pool.request("GET", f"{SHOP}/a?token={token}", headers={"Authorization": token})
    pool.request("GET", f"{SHOP}/close", headers={"Cookie": event["cookies"][0]})
    requests.post(f"{SHOP}/c?key=hunter2-query", data=event["body"], timeout=5)
    if event["rawQueryString"].endswith("fail"):
        raise ValueError(f"cannot log in with {token} at {SHOP}/?password=hunter2-in-the-text")
    return {"statusCode": 200, "headers": {"set-cookie": "hunter2-answer"}, "body": token}
