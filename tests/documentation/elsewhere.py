"""Who runs the documented commands that `test_run_as_they_stand` does not run."""

from __future__ import annotations

from typing import NamedTuple


class Ci(NamedTuple):
    """A line of `.ci/run`, the command in small where it is a long one."""

    command: str


class Walk(NamedTuple):
    """A step of `make newcomer`, which `.ci/run` calls: in a clean clone, where it may change all.

    `command` is a part of the step.
    """

    command: str


class Target(NamedTuple):
    """Another target of the Makefile that needs this one, and is run by who is named."""

    needed_by: str
    run_by: Ci | Walk


class InTest(NamedTuple):
    """A test, and words that it holds."""

    path: str
    name: str
    holds: str


class Instead(NamedTuple):
    """It cannot be run here: why, and what is tested instead."""

    reason: str
    test: InTest


Place = Ci | Walk | Target | InTest | Instead

DEMO = Walk("make demo")
AWS_CLI = "tests/deploy/test_aws_cli.py"
ATTACH = InTest(AWS_CLI, "test_attach_to_a_function_without_settings", '"attach.sh"')
DETACH = InTest(AWS_CLI, "test_detach_brings_back_what_was_there", '"detach.sh"')
TEMPLATES = "tests/deploy/test_templates.py"
COMPAT = InTest("tests/compat/test_compat.py", "test_no_test_changes_its_result", "judge(suite")
SURROUNDINGS = Ci('make surroundings ARGS="-k sentry"')
BENCH = Ci("make bench ARGS=1")
BENCH_LAMBDA = Ci("make bench-lambda RUNS=1")
BENCH_REPORT = Ci('make bench-report ARGS="20000 20"')

PLACES: dict[str, Place] = {
    # make
    "make": Walk("make &&"),
    "make env": Walk("make -s env"),
    "make demo": DEMO,
    "make layer": Target("demo", DEMO),
    "make layer FLAVOUR=protobuf": Walk("make layer FLAVOUR=protobuf"),
    "make components": Target("test", Ci("make test")),
    "make test": Ci("make test"),
    'make test ARGS="tests/unit -k fork"': Ci('make test ARGS="tests/unit -k fork"'),
    "make lint": Ci("make lint"),
    "make lint types": Ci("make types"),
    "make format": Walk("make format"),
    "make docs": Walk("make docs"),
    "make lock": Walk("make lock ARGS=site"),
    "make clean": Walk("make clean"),
    "make distclean": Walk("make distclean"),
    "make matrix": Ci("make matrix SESSIONS="),
    "make pythons": Ci("make pythons"),
    "make surroundings": SURROUNDINGS,
    "make load": Ci("make load LOAD_REQUESTS=5000"),
    "make bench": BENCH,
    "make bench-lambda": BENCH_LAMBDA,
    "make bench-report": BENCH_REPORT,
    "make instructions": Ci("make instructions"),
    "make newcomer": Ci("make newcomer"),
    # The same in small
    "make lock ARGS=site": Walk("make lock ARGS=site"),
    "make load LOAD_REQUESTS=5000": Ci("make load LOAD_REQUESTS=5000"),
    "make bench ARGS=1": BENCH,
    "make bench-lambda RUNS=1": BENCH_LAMBDA,
    'make bench-report ARGS="20000 20"': BENCH_REPORT,
    'make surroundings ARGS="-k sentry"': SURROUNDINGS,
    "make lab-keepalive": Walk("make lab-keepalive"),
    "make compat": Ci("make compat ARGS=\"--suite 'cpython test_httplib'\""),
    "make compat ARGS=--full": Instead("takes five minutes", COMPAT),
    'make compat ARGS="--suite requests --full"': Instead("takes a minute and a half", COMPAT),
    "make instructions ARGS=--accept": Instead(
        "accepts what is measured, whatever it is",
        InTest("tests/documentation/test_places.py", "test_ci_runs_it", "make instructions"),
    ),
    # What make calls
    "python -m benchmarks.cost [RUNS]": BENCH,
    "python -m benchmarks.instructions": Ci("make instructions"),
    "python -m benchmarks.report [SPANS] [FILES]": BENCH_REPORT,
    "python -m benchmarks.extension_start [RUNS]": BENCH_LAMBDA,
    "python -m benchmarks.lambda_start [RUNS]": BENCH_LAMBDA,
    "python examples/experiments/experiment.py keepalive": InTest(
        "tests/experiments/test_experiments.py",
        "test_tcp_keepalive_changes_nothing",
        'experiment("keepalive")',
    ),
    "uv pip compile --universal --python-version 3.10 NAME.in -o NAME.txt": Walk("make lock"),
    # Python packages
    "pip install .": Walk("pip install -q ./conntrace"),
    "pip install '.[lambda]'": Walk("'./conntrace[lambda]'"),
    "pip install 'conntrace[lambda]'": Walk("'./conntrace[lambda]'"),
    "pip install 'conntrace[otel]'": Walk("'./conntrace[otel]'"),
    "pip install awslambdaric": Walk("awslambdaric"),
    "pip install urllib3": Walk("urllib3"),
    "pip uninstall conntrace": Walk("pip uninstall -y -q conntrace"),
    "pytest --conntrace-report": InTest(
        "tests/pytest_plugin/test_plugin.py", "test_the_report", "--conntrace-report"
    ),
    # AWS and those who deploy to it
    "examples/deploy/aws-cli/attach.sh my-function http://collector.example.com:4318": ATTACH,
    "attach.sh FUNCTION http://…": ATTACH,
    "examples/deploy/aws-cli/detach.sh my-function": DETACH,
    "detach.sh my-function": DETACH,
    "detach.sh FUNCTION": DETACH,
    "aws logs filter-log-events --log-group-name /aws/lambda/my-function"
    " --filter-pattern '{ $.type = \"conntrace.findings\" }' > log.json": InTest(
        "tests/deploy/test_aws_logs.py", "test_findings_from_the_log", "documented()"
    ),
    "conntrace report log.json": InTest(
        "tests/deploy/test_aws_logs.py", "test_findings_from_the_log", '"report"'
    ),
    "aws logs tail": Instead(
        "only version 2 of AWS's command line has it, and that is on no package index",
        InTest(
            "tests/unit/report/test_cloudwatch.py",
            "test_findings_are_found_in_every_export",
            "export",
        ),
    ),
    "sam deploy --guided": Instead("needs an account", InTest(TEMPLATES, "test_sam", "sam")),
    "pip install -r requirements.txt": Instead(
        "the CDK's libraries are installed with the other tools of deployment",
        InTest(TEMPLATES, "test_cdk", 'configuration["app"]'),
    ),
    "cdk deploy -c endpoint=http://…": Instead(
        "needs an account", InTest(TEMPLATES, "test_cdk", "endpoint")
    ),
    "terraform apply -var otlp_endpoint=http://… -var role_arn=…": Instead(
        "needs an account and a program that no package index has",
        InTest("tests/deploy/test_terraform.py", "test_every_reference_is_defined", "variables("),
    ),
    'serverless deploy --param="endpoint=http://…"': Instead(
        "needs an account", InTest(TEMPLATES, "test_serverless", "--param")
    ),
    "docker build --build-context conntrace=dist/layer/opt …": Instead(
        "needs a container engine",
        InTest("tests/deploy/test_container.py", "test_the_folder_becomes_opt", "--from=conntrace"),
    ),
    # Back ends
    "conntrace report --jaeger http://localhost:16686 --service shop --since 2h": InTest(
        "tests/reports/test_jaeger.py", "test_counts_over_many_traces", "--jaeger"
    ),
}
