"""SAM, CDK and Serverless: what becomes of them is CloudFormation, checked by its own linter."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.components.require import require_component
from tests.deploy.workbench import ENDPOINT, Workbench, assert_two_settings, require_program

# Node and cfn-lint take seconds on a quiet machine.
pytestmark = pytest.mark.timeout(300)

Template = Mapping[str, Any]
# cfn-lint's own reader: templates have tags that plain YAML does not know.
LOAD = "import cfnlint.decode.cfn_yaml as yaml; print(json.dumps(yaml.load(path)))"
RUNTIMES = [f"python3.{minor}" for minor in range(10, 15)]


def the_only(template: Template, kind: str) -> tuple[str, Mapping[str, Any]]:
    """Name and properties of the one resource of this kind."""
    found = [
        (name, resource["Properties"])
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    ]
    assert len(found) == 1, f"{kind}: {found}"
    return found[0]


def assert_attached(template: Template, endpoint: object, prefix: str = "AWS::Lambda") -> None:
    """The function has the layer, the two settings, and a handler that is for its runtime."""
    layer, version = the_only(template, f"{prefix}::LayerVersion")
    _, function = the_only(template, f"{prefix}::Function")
    assert function["Layers"] == [{"Ref": layer}]
    assert_two_settings(function["Environment"]["Variables"], endpoint)
    assert version["CompatibleRuntimes"] == RUNTIMES
    assert version["CompatibleArchitectures"] == ["x86_64", "arm64"]
    assert version["LicenseInfo"] == "Apache-2.0"
    assert function["Runtime"] in RUNTIMES


def assert_plain_role(template: Template) -> None:
    """The execution role may write logs, as the tool makes it for every function; no more."""
    for name, resource in template["Resources"].items():
        kind = resource["Type"]
        assert kind == "AWS::IAM::Role" or not kind.startswith("AWS::IAM::"), name
        if kind == "AWS::IAM::Role":
            for policy in resource["Properties"].get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    assert {action.split(":")[0] for action in statement["Action"]} == {"logs"}
            for managed in resource["Properties"].get("ManagedPolicyArns", []):
                assert "AWSLambdaBasicExecutionRole" in json.dumps(managed)


def lint(workbench: Workbench, template: Path, *options: str) -> str:
    """What cfn-lint has to say of a template; nothing when all is well."""
    command = [workbench.programs / "cfn-lint", *options, "--format", "parseable", template]
    ended = workbench.run(*command)
    return ended.stdout + ended.stderr


def lint_generated(workbench: Workbench, template: Path) -> str:
    """Warnings are about the style of those who generate it."""
    return lint(workbench, template, "--ignore-checks", "W")


def test_sam(workbench: Workbench) -> None:
    file = workbench.examples / "sam" / "template.yaml"
    assert lint(workbench, file) == ""
    template = workbench.read(LOAD, file)
    assert_attached(template, {"Ref": "OtlpEndpoint"}, prefix="AWS::Serverless")
    assert template["Parameters"]["OtlpEndpoint"]["Default"] == ""
    _, function = the_only(template, "AWS::Serverless::Function")
    _, layer = the_only(template, "AWS::Serverless::LayerVersion")
    assert not {"Policies", "Role"} & set(function)
    assert_handler_is_there(file.parent / function["CodeUri"], function["Handler"])
    assert (file.parent / layer["ContentUri"]).is_file()


def assert_handler_is_there(code: Path, handler: str) -> None:
    """The handler names a file of the code, and a function in it."""
    file, _, function = handler.rpartition(".")
    assert f"def {function}(event, context):" in (code / f"{file}.py").read_text()


def test_the_linter_would_see_a_mistake(workbench: Workbench) -> None:
    """A layer that is not in the template: the check above is one."""
    file = workbench.examples / "sam" / "template.yaml"
    file.write_text(file.read_text().replace("!Ref Conntrace", "!Ref Contrace"))
    assert "E1020" in lint(workbench, file)


@pytest.mark.parametrize("endpoint", ["", ENDPOINT])
def test_cdk(workbench: Workbench, endpoint: str) -> None:
    """`cdk synth`, which runs the app in this way and then shows the template."""
    require_program("node")
    made = workbench.examples / "cdk" / "cdk.out"
    context = {"CDK_CONTEXT_JSON": json.dumps({"endpoint": endpoint})} if endpoint else {}
    configuration = json.loads((workbench.examples / "cdk" / "cdk.json").read_text())
    workbench.output(*configuration["app"].split(), folder="cdk", CDK_OUTDIR=str(made), **context)
    template_file = made / "ConntraceExample.template.json"
    assert lint_generated(workbench, template_file) == ""
    template = json.loads(template_file.read_text())
    assert_attached(template, endpoint)
    assert_plain_role(template)


@pytest.mark.parametrize("endpoint", ["", ENDPOINT])
def test_serverless(workbench: Workbench, aws: str, endpoint: str) -> None:
    """`serverless package`, which does all but upload."""
    program = require_component("serverless")
    given = [f"--param=endpoint={endpoint}"] if endpoint else []
    workbench.output(program, "package", *given, folder="serverless", AWS_ENDPOINT_URL=aws)
    made = workbench.examples / "serverless" / ".serverless"
    template_file = made / "cloudformation-template-update-stack.json"
    assert lint_generated(workbench, template_file) == ""
    template = json.loads(template_file.read_text())
    assert_attached(template, endpoint)
    assert_plain_role(template)
    _, function = the_only(template, "AWS::Lambda::Function")
    code = made / "unpacked"
    with zipfile.ZipFile(made / "conntrace-example.zip") as archive:
        archive.extractall(code)
    assert_handler_is_there(code, function["Handler"])
