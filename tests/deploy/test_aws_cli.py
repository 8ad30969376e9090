"""attach.sh and detach.sh, by AWS's own command line against an AWS on loopback."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.workbench import ENDPOINT, EXAMPLES, WRAPPER, Workbench, assert_two_settings

# Each call of `aws` takes a second on a quiet machine.
pytestmark = pytest.mark.timeout(300)

SCRIPTS = sorted((EXAMPLES / "aws-cli").glob("*.sh"))
ROLE = "arn:aws:iam::123456789012:role/shop"


class Account:
    """The loopback AWS, seen through `aws`."""

    def __init__(self, workbench: Workbench, url: str) -> None:
        self.workbench = workbench
        self.url = url

    def ask(self, *words: str | Path) -> Any:
        """`aws WORDS`, as JSON."""
        program = self.workbench.programs / "aws"
        return json.loads(self.workbench.output(program, *words, AWS_ENDPOINT_URL=self.url))

    def create_function(self, **variables: str) -> None:
        """A function `shop` with these variables."""
        archive = self.workbench.examples / "function.zip"
        with zipfile.ZipFile(archive, "w") as code:
            code.write(self.workbench.examples / "function" / "app.py", "app.py")
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = ["--role-name", "shop", "--assume-role-policy-document", trust]
        self.ask("iam", "create-role", *role)
        options = ["--function-name", "shop", "--runtime", "python3.13", "--role", ROLE]
        options += ["--handler", "app.handler", "--zip-file", f"fileb://{archive}"]
        environment = json.dumps({"Variables": variables})
        self.ask("lambda", "create-function", *options, "--environment", environment)

    def function(self) -> tuple[list[str], dict[str, str]]:
        """Layers and variables of `shop`."""
        answer = self.ask("lambda", "get-function-configuration", "--function-name", "shop")
        variables = answer.get("Environment", {}).get("Variables", {})
        return [layer["Arn"] for layer in answer.get("Layers", [])], variables

    def script(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """One of the example's scripts, started from another folder as a user would."""
        return self.workbench.run("sh", f"aws-cli/{name}", *words, AWS_ENDPOINT_URL=self.url)


@pytest.fixture
def account(workbench: Workbench, aws: str) -> Account:
    return Account(workbench, aws)


def test_attach_to_a_function_without_settings(account: Account) -> None:
    account.create_function()
    ended = account.script("attach.sh", "shop", ENDPOINT)
    assert (ended.returncode, ended.stderr) == (0, "")
    layers, variables = account.function()
    assert json.loads(ended.stdout) == {"Function": "shop", "Layers": layers}
    assert [layer.split(":")[-2] for layer in layers] == ["conntrace"]
    assert_two_settings(variables, ENDPOINT)


def test_attach_keeps_what_is_there(account: Account) -> None:
    """Secrets with blanks and quotes stay; another tool's wrapper is run after ours."""
    before = {"SECRET": """a 'b' "c" $d %s \\n""", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/other"}
    account.create_function(**before)
    assert account.script("attach.sh", "shop").returncode == 0
    assert account.script("attach.sh", "shop").returncode == 0
    layers, variables = account.function()
    assert [layer.rpartition(":")[2] for layer in layers] == ["2"]
    assert variables == {
        "SECRET": before["SECRET"],
        "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
        "CONNTRACE_EXEC_WRAPPER_NEXT": "/opt/other",
    }


def test_detach_brings_back_what_was_there(account: Account) -> None:
    before = {"SECRET": "a", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/other"}
    account.create_function(**before)
    assert account.script("attach.sh", "shop").returncode == 0
    assert account.script("detach.sh", "shop").returncode == 0
    assert account.function() == ([], before)
    assert list(account.workbench.examples.parent.glob("tmp.*")) == []


def test_a_function_that_is_not_there_is_said(account: Account) -> None:
    """And no version of the layer is published for it."""
    ended = account.script("attach.sh", "shop", ENDPOINT)
    assert ended.returncode != 0
    assert "Function not found" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert account.ask("lambda", "list-layers")["Layers"] == []


def test_a_layer_that_is_not_built_is_said(workbench: Workbench) -> None:
    (workbench.examples.parents[1] / "dist" / "conntrace-layer.zip").unlink()
    ended = workbench.run("sh", "aws-cli/attach.sh", "shop")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "make layer" in ended.stderr


def test_variables_that_cannot_be_read_are_not_wiped(workbench: Workbench) -> None:
    """Without the right to decrypt them AWS shows an error in their place."""
    unreadable = {"Environment": {"Error": {"Message": "AccessDenied"}}, "FunctionName": "shop"}
    ended = subprocess.run(
        ["python3", "aws-cli/configuration.py", "attach", "arn", ""],
        cwd=workbench.examples,
        env=workbench.environment(),
        input=json.dumps(unreadable),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "AccessDenied" in ended.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_script_is_sound(script: Path, workbench: Workbench) -> None:
    """shellcheck is content, and it is an executable file."""
    assert workbench.output(workbench.programs / "shellcheck", script) == ""
    assert script.stat().st_mode & 0o111


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_wrong_usage_is_said(script: Path, workbench: Workbench) -> None:
    ended = workbench.run("sh", script)
    assert ended.returncode != 0
    assert f"usage: {script.name} FUNCTION" in ended.stderr
