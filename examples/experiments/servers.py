"""The servers an experiment may use, each in a process that ends with the experiment."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from table import Server

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
DYNAMODB_MAIN = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
START_S = 60


@contextlib.contextmanager
def embedded(server: Server, folder: Path) -> Iterator[str]:
    """The server of this folder; gives its URL."""
    command = [sys.executable, str(HERE.parent / "loopback_server.py")]
    command += ["--idle-limit", str(server.idle_limit_s), "--delay", str(server.delay_s)]
    command += ["--silent"] * server.silent + (["--tls", str(folder)] if server.tls else [])
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                sys.exit("conntrace experiment: the server did not start (see above)")
            yield url
        finally:
            process.stdin.close()


@contextlib.contextmanager
def dynamodb_local() -> Iterator[str]:
    """Amazon's DynamoDB Local with a table `orders`; `make components` puts it in the cache."""
    sys.path.insert(0, str(CHECKOUT))
    from scripts.components.dynamodb_local import locate

    jars = locate()
    if jars is None:
        sys.exit("conntrace experiment: DynamoDB Local is not here: make components")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["java", f"-Djava.library.path={jars}", "-cp", f"{jars}/*", DYNAMODB_MAIN]
    command += ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        url = f"http://localhost:{port}"
        _make_table(url)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    sys.exit("conntrace experiment: DynamoDB Local did not start")


def _make_table(url: str) -> None:
    import boto3

    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="experiment",
        aws_secret_access_key="experiment",
    )
    client.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
    )
