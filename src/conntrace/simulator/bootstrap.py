"""The runtime's start, in the order of AWS's own /var/runtime/bootstrap.py.

It imports the runtime client, and only then makes the search path and runs the `.pth` files of the
function and its layers: what these start finds the client loaded already. Runs in the function's
process, as the program that an exec wrapper is given.
"""

from __future__ import annotations

import importlib
import os
import site
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def main() -> None:
    """Find the layer's and the function's modules as the platform does, and serve."""
    runtime = os.environ["LAMBDA_RUNTIME_DIR"]
    sys.path[0] = runtime  # as if this file were there
    client, _ = _runtime_client()
    _make_path(os.environ["LAMBDA_TASK_ROOT"])
    if client is None:
        # Here it may also be in the function's own folder.
        client, error = _runtime_client()
    if client is None:
        sys.exit(
            f"conntrace: the function's Python ({sys.executable}) has no Lambda runtime client:"
            f" pip install awslambdaric ({error}) [lambda-no-runtime-client]"
        )
    os.environ.setdefault("PYTHONPATH", runtime)
    client.main([os.environ["LAMBDA_TASK_ROOT"], os.environ["_HANDLER"]])


def _runtime_client() -> tuple[ModuleType | None, str]:
    try:
        return importlib.import_module("awslambdaric.__main__"), ""
    except ImportError as error:
        return None, str(error)


def _make_path(task_root: str) -> None:
    """Both ways in which a layer's modules are found; neither when a wrapper sets PYTHONPATH."""
    opt = os.environ.pop("_LOCAL_LAMBDA_OPT", "/opt")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    layer = [f"{opt}/python/lib/{version}/site-packages", f"{opt}/python"]
    if "PYTHONPATH" in os.environ:
        layer = []
    sys.path[:0] = [task_root, *layer]
    for folder in (task_root, *layer):
        site.addsitedir(folder)


if __name__ == "__main__":
    main()
