"""What a function returns when it fails is byte for byte the same, with the agent and without."""

from __future__ import annotations

import json
import queue
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from conntrace.events_lambda import InitError, InvocationEnd
from tests.integration.lambda_process import CLIENT, LINUX, function_process
from tests.servers.lambda_runtime_api import Post

pytestmark = pytest.mark.skipif(not LINUX, reason="the Lambda runtime client runs on Linux")

# They hold the error's type, and its traceback for X-Ray.
COMPARED = ("lambda-runtime-function-error-type", "lambda-runtime-function-xray-error-cause")


@dataclass
class Failure:
    """A function that fails, and the error type that is told of it."""

    source: str
    error: str
    handler: str = "app.handler"


HANDLER = "\ndef handler(event, context):\n    "
DOWN = "http://127.0.0.1:1/"

IN_HANDLER = {
    "raise": Failure(HANDLER + "raise ValueError('no \"good\"')", "ValueError"),
    "from a nested call": Failure(
        "def deep():\n    return {}['x']\n" + HANDLER + "deep()", "KeyError"
    ),
    "chained": Failure(
        HANDLER + "try:\n        1 / 0\n    except Exception as error:\n"
        "        raise RuntimeError('outer') from error",
        "RuntimeError",
    ),
    "recursion": Failure(
        "def deep(number):\n    return deep(number + 1)\n" + HANDLER + "deep(0)", "RecursionError"
    ),
    "unserialisable": Failure(HANDLER + "return {1, 2}", "Runtime.MarshalError"),
    "urllib3": Failure(
        "import urllib3\npool = urllib3.PoolManager()\n"
        + HANDLER
        + f"pool.request('GET', '{DOWN}', retries=2)",
        "MaxRetryError",
    ),
    "requests": Failure(f"import requests\n{HANDLER}requests.get('{DOWN}')", "ConnectionError"),
    "urllib.request": Failure(
        f"import urllib.request\n{HANDLER}urllib.request.urlopen('{DOWN}')", "URLError"
    ),
    "http.client": Failure(
        "import http.client\n"
        + HANDLER
        + "http.client.HTTPConnection('127.0.0.1', 1).request('GET', '/')",
        "ConnectionRefusedError",
    ),
    "socket": Failure(
        f"import socket\n{HANDLER}socket.create_connection(('127.0.0.1', 1))",
        "ConnectionRefusedError",
    ),
    "lookup": Failure(
        f"import socket\n{HANDLER}socket.getaddrinfo('no.such.name.invalid', 80)", "gaierror"
    ),
    "boto3": Failure(
        "import boto3\nfrom botocore.config import Config\n"
        "client = boto3.client('dynamodb', region_name='eu-west-1', aws_access_key_id='a',\n"
        "    aws_secret_access_key='b', endpoint_url='" + DOWN + "',\n"
        "    config=Config(retries={'total_max_attempts': 1}))\n"
        + HANDLER
        + "client.list_tables()",
        "EndpointConnectionError",
    ),
    "import statement of a hooked module": Failure(
        HANDLER + "import broken.urllib3.connectionpool", "RuntimeError"
    ),
    "import_module of a hooked module": Failure(
        "import importlib\n"
        + HANDLER
        + "importlib.import_module('broken.urllib3.connectionpool')",
        "RuntimeError",
    ),
    "import of a hooked module that is not there": Failure(
        HANDLER + "import broken.urllib3.poolmanager", "ModuleNotFoundError"
    ),
}  # fmt: skip

ADDRESS = re.compile(r"0x[0-9a-f]+")

AT_IMPORT = {
    "no such module": Failure("import no_such_module", "Runtime.ImportModuleError"),
    "no such file": Failure("", "Runtime.ImportModuleError", "other.handler"),
    "syntax": Failure("def handler(:\n", "Runtime.UserCodeSyntaxError"),
    "no such handler": Failure("x = 1", "Runtime.HandlerNotFound"),
    "bad name": Failure("x = 1", "Runtime.MalformedHandlerName", "handler"),
    "built-in": Failure("x = 1", "Runtime.BuiltInModuleConflict", "sys.handler"),
    "raise": Failure("raise ValueError('at import')", "ValueError"),
    "hooked module": Failure("import broken.urllib3.connectionpool", "RuntimeError"),
    "connects": Failure(f"import urllib.request\nurllib.request.urlopen('{DOWN}')", "URLError"),
}


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task folder with a package whose modules have names that are hooked, and fail."""
    package = tmp_path / "broken" / "urllib3"
    package.mkdir(parents=True)
    (tmp_path / "broken" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "connectionpool.py").write_text("raise RuntimeError('while it is imported')\n")
    (package / "poolmanager.py").write_text("import no_such_module\n")
    return tmp_path


def compared(post: Post) -> tuple[str, bytes, dict[str, str]]:
    """What of a post must be the same: all but the addresses of objects, which older urllib3 shows.

    They differ between any two processes.
    """
    headers = {name: ADDRESS.sub("0x", post.headers.get(name, "")) for name in COMPARED}
    return post.path, ADDRESS.sub("0x", post.body.decode()).encode(), headers


def same_posts(task: Path, failure: Failure, told: type[InitError] | type[InvocationEnd]) -> Post:
    """Run it plain and traced, hold the posts against each other, check what was told."""
    posts = []
    variables = {"_HANDLER": failure.handler, "PYTHONHASHSEED": "0"}
    for traced in (False, True):
        with function_process(task, failure.source, traced=traced, **variables) as function:
            posts.append(function.invoke({}))
            if told is InvocationEnd and traced:
                function.ends(1)
            errors = [each.error for each in function.events() if isinstance(each, told)]
        assert errors == ([failure.error] if traced else [])
    plain, traced_post = posts
    assert compared(plain) == compared(traced_post)
    return traced_post


@pytest.mark.parametrize("name", IN_HANDLER)
def test_error_of_a_handler(task: Path, name: str) -> None:
    """Message, type and traceback, also where the error came through a hook."""
    post = same_posts(task, IN_HANDLER[name], InvocationEnd)

    assert post.path.endswith("/error")
    assert json.loads(post.body)["errorType"] == IN_HANDLER[name].error
    assert b"conntrace/traced" not in post.body


@pytest.mark.skipif(CLIENT < (2, 1), reason="version 2.0 told it at the first invocation")
@pytest.mark.parametrize("name", AT_IMPORT)
def test_error_of_a_handler_s_import(task: Path, name: str) -> None:
    """Told before the reply: the environment ends with it."""
    post = same_posts(task, AT_IMPORT[name], InitError)

    assert post.path == "init/error"
    assert json.loads(post.body)["errorType"] == AT_IMPORT[name].error


@pytest.mark.parametrize(
    "leave",
    [
        "sys.exit(3)",
        "sys.exit('text')",
        "os._exit(4)",
        "os.abort()",
        "raise KeyboardInterrupt",
        "os.kill(os.getpid(), 9)",
    ],
)
@pytest.mark.parametrize("where", ["handler", "import"])
def test_a_function_that_leaves(tmp_path: Path, leave: str, where: str) -> None:
    """Same end of the process, and no reply in either case."""
    body = HANDLER if where == "handler" else ""
    source = f"import os, sys\n{body}{leave}"
    codes = []
    for traced in (False, True):
        with function_process(tmp_path, source, traced=traced) as function:
            function.api.offer({})
            codes.append(function.leave())
            with pytest.raises(queue.Empty):
                function.api.posts.get_nowait()
            if traced:
                assert len(function.starts()) == (where == "handler")
                assert "invocation_end" not in function.extension.kinds()
    assert codes[0] == codes[1] != 0
