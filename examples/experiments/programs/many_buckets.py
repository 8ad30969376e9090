"""`many_buckets.py BUCKETS ROUNDS [--path-style]`: one S3 client, one object of each bucket."""

import _socket
import sys

import boto3
from botocore.config import Config

# No DNS server knows these buckets: names that end in localhost are this machine. The C function
# is replaced, so that what conntrace watches is left as it is.
look_up = _socket.getaddrinfo


def look_up_here(host, *rest, **named):
    name = host.decode() if isinstance(host, bytes) else host
    here = isinstance(name, str) and name.endswith(".localhost")
    return look_up("127.0.0.1" if here else host, *rest, **named)


_socket.getaddrinfo = look_up_here

buckets, rounds = int(sys.argv[1]), int(sys.argv[2])
style = "path" if "--path-style" in sys.argv else "virtual"
client = boto3.client("s3", config=Config(s3={"addressing_style": style}))
for _ in range(rounds):
    for number in range(1, buckets + 1):
        client.head_object(Bucket=f"bucket-{number}", Key="object")
