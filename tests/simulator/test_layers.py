"""Layers as zip files and folders, and what is wrong with a function's configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from conntrace.errors import ConntraceError
from conntrace.simulator import LocalLambda, Mount
from conntrace.simulator.layers import mounts, unpack
from tests.simulator.conftest import FUNCTION, LAYER, Start


def zipped(folder: Path, target: Path) -> Path:
    """The folder as a layer's zip, modes included."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target


def test_a_zip_keeps_its_modes(tmp_path: Path) -> None:
    """Wrapper and extensions stay executable."""
    layer = unpack([zipped(LAYER, tmp_path / "layer.zip")], tmp_path / "opt")
    assert os.access(layer / "wrapper", os.X_OK)
    assert os.access(layer / "extensions" / "probe", os.X_OK)
    assert not os.access(layer / "probe_extension.py", os.X_OK)


def test_several_layers_are_one(start: Start, tmp_path: Path) -> None:
    """Later ones win; what the caller gave is left as it was."""
    second = tmp_path / "second"
    (second / "python").mkdir(parents=True)
    (second / "python" / "of_the_layer.py").write_text("")
    archive = zipped(LAYER, tmp_path / "layer.zip")
    function = start("app.facts", layer=[archive, second])
    assert {"extensions", "python", "wrapper"} <= set(function.invoke().json()["layer"])
    assert sorted(os.listdir(second)) == ["python"]


def test_what_is_needed_from_opt_stays(tmp_path: Path) -> None:
    """A Python that is installed below /opt is still there beside the layer."""
    plain = mounts(LAYER, [Path("/usr/bin/python3")], tmp_path)
    assert [(LAYER, Path("/opt"))] == [(each.source, each.target) for each in plain]
    *kept, last = mounts(LAYER, [Path("/opt/python/bin/python3")], tmp_path)
    assert (tmp_path / "opt", Path("/opt")) == (last.source, last.target)
    own = {entry.name for entry in os.scandir("/opt") if entry.is_dir()}
    assert own == {each.source.name for each in kept}
    assert (tmp_path / "opt" / "wrapper").exists()


@pytest.mark.parametrize(
    ("slug", "options"),
    [
        ("lambda-no-layer", {"layer": "/nowhere/layer.zip"}),
        ("lambda-no-layer", {"layer": __file__}),
        ("lambda-no-code", {"task_root": "/nowhere"}),
        ("lambda-no-python", {"python": "/nowhere/python3"}),
    ],
)
def test_what_cannot_work(slug: str, options: dict[str, Any]) -> None:
    """Each error has its slug, and leaves nothing behind."""
    with pytest.raises(ConntraceError) as caught:
        LocalLambda("app.do", **{"task_root": FUNCTION, **options})
    assert caught.value.slug == slug


def test_a_python_without_the_runtime_client(start: Start, tmp_path: Path) -> None:
    """The function's log says what to install."""
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    invocation = start(python=python).invoke("nothing")
    assert invocation.error == "Runtime.ExitError"
    assert "pip install awslambdaric" in invocation.log
    assert "[lambda-no-runtime-client]" in invocation.log


def test_where_nothing_can_be_mounted(tmp_path: Path) -> None:
    """Extensions and wrapper run from the layer's own path."""
    no_rights = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    drop_rights = no_rights if os.geteuid() == 0 else []
    if drop_rights and not shutil.which("setpriv"):
        pytest.skip("setpriv, of util-linux, is not there")
    program = f"""
from conntrace.simulator import LocalLambda, Mount
code, layer = {str(FUNCTION)!r}, {str(LAYER)!r}
settings = {{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}}
with LocalLambda("app.facts", code, layer, settings, timeout_s=10) as function:
    seen = function.invoke().json()["environment"]
print(seen["WRAPPED_BY"], function.log.count('"probe": "INVOKE"'))
"""
    command = [*drop_rights, sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    wrapper, invocations = done.stdout.split()
    assert wrapper in ("/opt/wrapper", str(LAYER / "wrapper"))
    assert invocations == "1"
    if drop_rights:
        assert wrapper == str(LAYER / "wrapper")


def test_mounts_of_the_function(start: Start, tmp_path: Path) -> None:
    """A folder of its own in place of the machine's, for its processes only."""
    if os.geteuid() != 0:
        pytest.skip("only root is sure to be allowed to mount")
    (tmp_path / "own").mkdir()
    mount = Mount(tmp_path / "own", Path("/srv"), read_only=False)
    function = start("app.write_file", mounts=(mount,))
    assert function.invoke("/srv/here").json() == ["here"]
    assert os.listdir(tmp_path / "own") == ["here"]
    assert not Path("/srv/here").exists()


def test_mounts_that_cannot_be_made(start: Start, tmp_path: Path) -> None:
    """An error of the local Lambda, not of the function."""
    function = start(mounts=(Mount(tmp_path / "nothing", Path("/tmp")),))
    with pytest.raises(ConntraceError) as caught:
        function.invoke("nothing")
    assert caught.value.slug == "lambda-no-mount"
