"""Tools from PyPI that check the examples of deployment: cfn-lint, the CDK, AWS's CLI and others.

In an environment of their own: they want other versions than the tests, and much room.
"""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

from scripts.cache import CHECKOUT, cache_root, digest
from scripts.installer import install, new_virtualenv
from scripts.shell import say

REQUIREMENTS = CHECKOUT / "tests" / "deploy" / "requirements.txt"


def folder() -> Path:
    key = digest(REQUIREMENTS, platform.python_version())
    return cache_root() / "components" / f"deploy_tools-{key}"


def locate() -> Path | None:
    """The folder of its programs."""
    programs = folder() / "bin"
    # The interpreter is looked at too: the Python it points to may have been removed.
    return programs if (folder() / "ready").exists() and (programs / "python").exists() else None


def make() -> Path:
    say("making the environment of the tools that check examples/deploy")
    shutil.rmtree(folder(), ignore_errors=True)
    new_virtualenv(folder())
    install(folder(), "-r", REQUIREMENTS)
    (folder() / "ready").touch()
    return folder() / "bin"
