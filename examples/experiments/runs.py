"""How a variant is run: its server, its variables, its program or function, all under conntrace."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from table import Variant

from servers import CHECKOUT, HERE, dynamodb_local, embedded

LAYER = CHECKOUT / "dist" / "conntrace-layer.zip"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "experiment", "AWS_SECRET_ACCESS_KEY": "experiment"}
OWN = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "*",
}
TRUST = ("AWS_CA_BUNDLE", "SSL_CERT_FILE")


def possible(variant: Variant, options: argparse.Namespace) -> bool:
    """Whether it can be run on the server that was asked for."""
    if options.endpoint:
        return not variant.own_server
    return options.server == "embedded" or (
        variant.service == "dynamodb" and not variant.own_server
    )


@contextlib.contextmanager
def server(variant: Variant, options: argparse.Namespace, folder: Path) -> Iterator[dict[str, str]]:
    """The variant's server, for as long as the block; gives the variables of who calls it."""
    if options.endpoint:
        yield {**_credentials(), "AWS_ENDPOINT_URL": options.endpoint}
        return
    if options.server == "dynamodb-local":
        with dynamodb_local() as url:
            yield {**OWN, **CREDENTIALS, "AWS_ENDPOINT_URL": url}
        return
    with embedded(variant.server, folder) as url:
        trust = dict.fromkeys(TRUST, str(folder / "ca.pem")) if variant.server.tls else {}
        yield {**OWN, **CREDENTIALS, **trust, "AWS_ENDPOINT_URL": url}


def _credentials() -> dict[str, str]:
    """The caller's own, wherever boto3 finds them: a function has only its variables."""
    import boto3

    session = boto3.Session()
    found = session.get_credentials()
    region = session.region_name or os.environ.get("AWS_REGION")
    if found is None or region is None:
        sys.exit(
            "conntrace experiment: --endpoint needs credentials and a region:"
            " set AWS_PROFILE, or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
        )
    frozen = found.get_frozen_credentials()
    variables = {
        "AWS_ACCESS_KEY_ID": frozen.access_key,
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
        "AWS_SESSION_TOKEN": frozen.token or "",
        "ENDPOINT_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **{name: os.environ.get(name, "") for name in TRUST},
    }
    return {name: value for name, value in variables.items() if value}


def command(
    variant: Variant,
    variables: dict[str, str],
    spans: Path,
    layer: Path | None,
    gaps: Sequence[float],
) -> list[str]:
    """The command that runs it; with `gaps` its function, else its program."""
    words = [word.format(url=variables["AWS_ENDPOINT_URL"]) for word in variant.words]
    conntrace = [sys.executable, "-m", "conntrace"]
    if not gaps:
        program = [sys.executable, str(HERE / "programs" / words[0]), *words[1:]]
        return [*conntrace, "run", "-o", str(spans), "--", *program]
    function = [*conntrace, "lambda", *words, "--task-root", str(HERE / "functions")]
    function += ["--layer", str(layer), "--timeout", "30", "-o", str(spans)]
    function += ["--gaps", ",".join(f"{gap:g}" for gap in gaps)]
    return [*function, *(word for name in variables for word in ("-e", name))]


def environment(variables: dict[str, str]) -> dict[str, str]:
    """This process's own without settings of conntrace and OpenTelemetry, and these."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("CONNTRACE_", "OTEL_"))}
    return {**own, **variables}


def built_layer(options: argparse.Namespace) -> Path:
    """The layer that was named, or the one of this checkout, built when it is not there."""
    if options.layer:
        return Path(options.layer)
    if not LAYER.exists():
        building = [sys.executable, "-m", "lambda_extension.build"]
        subprocess.run(building, cwd=CHECKOUT, check=True, stdout=sys.stderr)
    return LAYER
