"""A function as it is configured, and the environment variables its processes get."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conntrace.errors import ConntraceError
from conntrace.simulator.checks import check_settings
from conntrace.simulator.sandbox import Mount

ON_DEMAND = "on-demand"
PROVISIONED = "provisioned-concurrency"
SNAP_START = "snap-start"
MANAGED = "lambda-managed-instances"
INITIALIZATION_TYPES = (ON_DEMAND, PROVISIONED, SNAP_START, MANAGED)

ACCOUNT = "123456789012"
VERSION = "$LATEST"

# The platform keeps these from extensions (developer guide, Extensions API); `_AWS_XRAY_DAEMON_*`
# too.
_NOT_FOR_EXTENSIONS = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
    }
)


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """What a function's configuration page would show, and a few limits of the platform."""

    handler: str
    task_root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 3.0
    memory_mb: int = 128
    python: str = sys.executable
    name: str = "local-function"
    region: str = "eu-west-1"
    initialization_type: str = ON_DEMAND
    max_concurrency: int = 2
    """Workers of one environment in managed instances; else one."""
    init_timeout_s: float = 10.0
    telemetry: bool = True
    """Whether the Telemetry API is there; without it a subscription is answered with 202."""
    pause_network: bool = False
    """While frozen, packets to the environment's sockets are dropped (needs root and nftables)."""
    mounts: tuple[Mount, ...] = ()
    """What the environments see in place of folders of this machine, such as their own /tmp."""

    def __post_init__(self) -> None:
        """Raises ConntraceError for settings that no function can have."""
        positive = ("timeout_s", "memory_mb", "init_timeout_s", "max_concurrency")
        check_settings(
            self.name,
            self.environment,
            {name: getattr(self, name) for name in positive},
            self.initialization_type,
            INITIALIZATION_TYPES,
        )

    @property
    def arn(self) -> str:
        """The function's ARN, without a version."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{self.name}"

    @property
    def managed(self) -> bool:
        """Whether this is a managed instance: several workers, never frozen."""
        return self.initialization_type == MANAGED


@functools.cache
def python_version(python: str) -> str:
    """`3.12` of any interpreter. Raises ConntraceError when it does not run."""
    if python == sys.executable:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        command = [python, "-I", "-S", "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ConntraceError(
            "lambda-no-python", f"the Python for the function does not run: {python} ({error})"
        ) from error
    return done.stdout.strip()


def function_environment(
    settings: FunctionSettings, runtime_api: str, log_stream: str, path: str, opt: str
) -> dict[str, str]:
    """The runtime's variables: the platform's, over those of the function's configuration."""
    variables = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"{path}:{opt}/bin",
        "LD_LIBRARY_PATH": _library_path(settings.task_root, opt),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        **settings.environment,
        "_HANDLER": settings.handler,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{python_version(settings.python)}",
        "AWS_LAMBDA_FUNCTION_NAME": settings.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_INITIALIZATION_TYPE": settings.initialization_type,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{settings.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": str(settings.task_root),
    }
    if settings.managed:
        variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(settings.max_concurrency)
    return variables


def _library_path(task_root: Path, opt: str) -> str:
    """The function's own folders; the caller's path too, which the interpreter may need."""
    own = [str(task_root), f"{task_root}/lib", f"{opt}/lib"]
    return ":".join([*own, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])


def extension_environment(function: Mapping[str, str]) -> dict[str, str]:
    """An extension's variables: the function's without those that the platform keeps from it."""
    return {
        name: value
        for name, value in function.items()
        if name not in _NOT_FOR_EXTENSIONS and not name.startswith("_AWS_XRAY_DAEMON_")
    }


def search_path(python: str, folder: Path) -> str:
    """PATH with the function's Python as `python3` in front, where the platform has its own.

    `folder` takes a small script when the Python's own folder has another `python3`.
    """
    own = Path(python).parent
    beside = own / "python3"
    if not (beside.exists() and os.path.realpath(beside) == os.path.realpath(python)):
        own = folder / "bin"
        own.mkdir(parents=True, exist_ok=True)
        for name in ("python3", f"python{python_version(python)}"):
            script = own / name
            script.write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
            script.chmod(0o755)
    return f"{own}:/usr/local/bin:/usr/bin:/bin"
