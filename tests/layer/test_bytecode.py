"""The agent's modules come from bytecode that was made with the layer."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.layer.conftest import Run

SHOWN = """
import sys
for name, module in sorted(sys.modules.items()):
    if name.startswith("conntrace"):
        loader = type(module.__spec__.loader).__name__
        functions = [each for each in vars(module).values() if hasattr(each, "__code__")]
        own = [each for each in functions if each.__module__ == name]
        print(name, loader, all(each.__code__.co_filename == module.__file__ for each in own))
"""
# Those by which the others are found, and the compiled one.
PLAIN = {"conntrace_bytecode", "conntrace_handover", "conntrace_wrapt._wrappers"}


def shown(run: Run, opt: Path, python: str) -> dict[str, tuple[str, str]]:
    """Loader of each module of ours, and whether its code names its own file."""
    program = f"import conntrace.analyzer.pipeline\n{SHOWN}"
    ended = run([opt / "conntrace", python, "-c", program])
    assert ended.stderr == ""
    lines = (line.split() for line in ended.stdout.splitlines())
    return {name: (loader, own) for name, loader, own in lines}


def test_all_modules_come_from_it(run: Run, opt: Path, python: str) -> None:
    """On each Python here, those too that are imported long after the start."""
    found = shown(run, opt, python)
    assert {"_Loader"} == {loader for name, (loader, _) in found.items() if name not in PLAIN}
    assert "conntrace.analyzer.pipeline" in found


def test_code_names_its_source(run: Run, own_opt: Path, python: str) -> None:
    """Wherever the layer is unpacked: tracebacks show lines, and our own frames are known."""
    assert {"True"} == {own for _, own in shown(run, own_opt, python).values()}


def test_bytecode_of_another_python(run: Run, own_opt: Path, python: str) -> None:
    """An index with another magic number is not used; the sources are."""
    for index in (own_opt / "conntrace.d" / "bytecode").glob("cpython-*"):
        lines = index.read_text().splitlines()
        index.write_text("\n".join(["00000000", *lines[1:]]) + "\n")
    found = shown(run, own_opt, python)
    loaders = {loader for name, (loader, _) in found.items() if name not in PLAIN}
    assert {"SourceFileLoader"} == loaders


def test_no_bytecode_at_all(run: Run, own_opt: Path, python: str) -> None:
    """A Python that the layer was not compiled for compiles by itself."""
    shutil.rmtree(own_opt / "conntrace.d" / "bytecode")
    found = shown(run, own_opt, python)
    assert "conntrace.traced.layer_start" in found
