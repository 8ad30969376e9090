"""From a clone: make layer && cd examples/deploy/cdk && cdk deploy -c endpoint=http://..."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda
from constructs import Construct

DEPLOY = Path(__file__).resolve().parent.parent
LAYER = DEPLOY.parent.parent / "dist" / "conntrace-layer.zip"
RUNTIMES = (
    aws_lambda.Runtime.PYTHON_3_10,
    aws_lambda.Runtime.PYTHON_3_11,
    aws_lambda.Runtime.PYTHON_3_12,
    aws_lambda.Runtime.PYTHON_3_13,
    aws_lambda.Runtime.PYTHON_3_14,
)


class ConntraceExample(cdk.Stack):
    """A function with the conntrace layer."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        conntrace = aws_lambda.LayerVersion(
            self,
            "Conntrace",
            code=aws_lambda.Code.from_asset(str(LAYER)),
            compatible_runtimes=list(RUNTIMES),
            compatible_architectures=[
                aws_lambda.Architecture.X86_64,
                aws_lambda.Architecture.ARM_64,
            ],
            license="Apache-2.0",
        )
        aws_lambda.Function(
            self,
            "Function",
            code=aws_lambda.Code.from_asset(str(DEPLOY / "function")),
            handler="app.handler",
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            timeout=cdk.Duration.seconds(10),
            layers=[conntrace],
            environment={
                "AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace",
                # Empty: findings are written to the function's log.
                "OTEL_EXPORTER_OTLP_ENDPOINT": self.node.try_get_context("endpoint") or "",
            },
        )


app = cdk.App()
ConntraceExample(app, "ConntraceExample")
app.synth()
