"""The runtime's start, in place of /var/runtime/bootstrap.py: the search path, then awslambdaric.

Runs in the function's process, as the program that an exec wrapper is given.
"""

from __future__ import annotations

import importlib
import os
import site
import sys


def main() -> None:
    """Find the layer's and the function's modules as the platform does, and serve."""
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    opt = os.environ.pop("_LOCAL_LAMBDA_OPT", "/opt")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    layer = [f"{opt}/python/lib/{version}/site-packages", f"{opt}/python"]
    del sys.path[0]  # This file's folder.
    if "PYTHONPATH" not in os.environ:
        # The platform leaves these out when a wrapper has set PYTHONPATH, and so do we.
        sys.path[:0] = [task_root, *layer]
        for folder in (*layer, task_root):
            site.addsitedir(folder)
    else:
        sys.path.insert(0, task_root)
    try:
        client = importlib.import_module("awslambdaric.__main__")
    except ImportError as error:
        sys.exit(
            f"conntrace: the function's Python ({sys.executable}) has no Lambda runtime client:"
            f" pip install awslambdaric ({error}) [lambda-no-runtime-client]"
        )
    client.main(["bootstrap", os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
