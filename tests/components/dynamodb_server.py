"""DynamoDB Local as a fixture, in memory, behind a relay that counts the connections."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.components.processes import Server, free_port, listens, start_server
from tests.components.relay import CountingRelay, StartRelay
from tests.components.require import require_component

MAIN_CLASS = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"


@dataclass(frozen=True)
class DynamoDBLocal:
    """What one test sees: a database and a count of its own. Clients go through the relay."""

    relay: CountingRelay
    access_key: str

    @property
    def port(self) -> int:
        return self.relay.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def accepted_connections(self) -> int:
        return self.relay.accepted_connections()

    def client_options(self) -> dict[str, str]:
        """``boto3.client("dynamodb", **options)``. Each access key has tables of its own there."""
        return {
            "endpoint_url": self.url,
            "region_name": "eu-central-1",
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": "secret",
        }

    def environment(self) -> dict[str, str]:
        """The same for a program of its own, as environment variables."""
        return {
            "AWS_ENDPOINT_URL_DYNAMODB": self.url,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": "secret",
            # Never look for credentials or a region at the metadata service.
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@pytest.fixture(scope="session")
def dynamodb_local_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The server itself; starting Java takes seconds, so there is one for the whole run."""
    jars = require_component("dynamodb_local")
    log = tmp_path_factory.mktemp("dynamodb-local") / "log"
    port = 0

    def start() -> tuple[Server, Callable[[], bool]]:
        nonlocal port
        port = free_port()
        return Server(java_command(jars, port), log, lasting=True), lambda: listens(port)

    server = start_server(start)
    yield port
    server.stop()


def java_command(jars: Path, port: int) -> list[str]:
    command = ["java", "-Xmx256m", "-XX:+UseSerialGC", f"-Djava.library.path={jars}"]
    command += ["-cp", f"{jars}/*", MAIN_CLASS]
    # It would otherwise report its use to its maker.
    return [*command, "-inMemory", "-disableTelemetry", "-port", str(port)]


@pytest.fixture
def dynamodb_local(dynamodb_local_port: int, counting_relay: StartRelay) -> DynamoDBLocal:
    """An empty DynamoDB whose accepted connections are counted from zero."""
    # Letters and digits only: DynamoDB Local refuses other access keys.
    return DynamoDBLocal(counting_relay(dynamodb_local_port), f"test{secrets.token_hex(8)}")
