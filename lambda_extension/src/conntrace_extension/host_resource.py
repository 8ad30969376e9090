"""Resource attributes that the extension knows, also of a function that never said a word.

OpenTelemetry semantic conventions, "Cloud" and "Function as a Service" resources.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import conntrace
from conntrace import semantic_names as names
from conntrace.analyzer.span import AttributeValue

_MEBIBYTE = 1024 * 1024


def host_resource(
    environment: Mapping[str, str], facts: bytes, service_name: str
) -> dict[str, AttributeValue]:
    """From the extension's environment and `facts`, what the platform told at registration."""
    function = environment.get("AWS_LAMBDA_FUNCTION_NAME", "")
    memory = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    found: dict[str, AttributeValue] = {
        names.SERVICE_NAME: service_name or function,
        names.TELEMETRY_SDK_NAME: "conntrace",
        names.TELEMETRY_SDK_LANGUAGE: "python",
        names.TELEMETRY_SDK_VERSION: conntrace.__version__,
        names.CLOUD_PROVIDER: "aws",
        names.CLOUD_PLATFORM: "aws_lambda",
        names.CLOUD_REGION: environment.get("AWS_REGION", ""),
        names.CLOUD_ACCOUNT_ID: _account(facts),
        names.FAAS_NAME: function,
        names.FAAS_VERSION: environment.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        names.FAAS_MAX_MEMORY: int(memory) * _MEBIBYTE if memory.isdecimal() else 0,
    }
    return {name: value for name, value in found.items() if value}


def _account(facts: bytes) -> str:
    try:
        account = json.loads(facts).get("accountId")
    except (ValueError, AttributeError):
        return ""
    return account if isinstance(account, str) else ""
