"""Who may import whom. The table below is the one place where that is decided."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import conntrace

SOURCE = Path(conntrace.__file__).parent
PACKAGE = "conntrace"

# A room is a module or a package with all that is in it; `conntrace` itself is only its version.
LEAVES = {
    "errors",
    "clock",
    "catalogue",
    "event_lines",
    "recipes",
    "semantic_names",
    "setting_values",
    "urls",
}
CONFIG = {"config", "settings_table", "setting_values"}
ANY = {"*"}

ALLOWED: dict[str, set[str]] = {
    **{leaf: set() for leaf in LEAVES},
    "": set(),
    "messages": set(),
    "settings_table": {"setting_values"},
    "config": {"settings_table"},
    "event_fields": set(),
    "events": {"event_fields", "event_lines", "events_lambda"},
    "events_lambda": {"event_fields"},
    "channel": set(),
    # Not `events`: its classes cost the traced program 10 ms.
    "traced": {"errors", "clock", "catalogue", "event_lines", "channel", *CONFIG},
    "startup": {"traced"},
    "analyzer": {
        "errors",
        "clock",
        "catalogue",
        "events",
        "events_lambda",
        "semantic_names",
        "urls",
        *CONFIG,
    },
    "report": {"errors", "catalogue", "semantic_names", "urls"},
    # `testing` for the spans that a fixture gives.
    "simulator": {"errors", "testing"},
    # Where the two sides are put together.
    "in_process": ANY,
    "instrumentor": ANY,
    "doctor": ANY,
    "probe": ANY,
    "pytest_lambda": {"simulator"},
    "pytest_plugin": ANY,
    "pytest_session": ANY,
    "testing": ANY,
    "cli": ANY,
    "__main__": {"cli"},
}
# The package's own file names these and imports them only when they are asked for.
LAZY = {("", "in_process")}
# Heavy at start: the traced program must not wait for them. (wrapt 2 loads some by itself.)
HEAVY = {"asyncio", "dataclasses", "json", "logging", "subprocess", "tempfile", "typing_extensions"}
THEIRS = {"boto3", "botocore", "click", "opentelemetry", "requests", "rich", "urllib3"}


class Import(NamedTuple):
    """One import of one of our modules."""

    importer: str
    imported: str
    line: int
    at_start: bool
    """Executed when the module is imported: not inside a function, not for type checkers."""


def modules() -> dict[str, Path]:
    """Our modules by their dotted names below the package; the package itself is the empty one."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def room_of(module: str) -> str:
    """The first part of the name: a module, or the package that it stands in."""
    return module.partition(".")[0]


def imports_of(module: str) -> Iterator[Import]:
    """Every import of a module of ours, wherever it stands."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    yield from _imports_in(module, tree, at_start=True)


def _imports_in(module: str, node: ast.AST, at_start: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            for name in _names(child):
                yield Import(module, name, child.lineno, at_start)
        elif isinstance(child, ast.If) and _is_type_checking(child.test):
            for statement in child.body:
                yield from _imports_in(module, ast.Module([statement], []), at_start=False)
            for statement in child.orelse:
                yield from _imports_in(module, ast.Module([statement], []), at_start)
        else:
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _imports_in(module, child, at_start and not inside)


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _names(statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The modules of ours that a statement names, relative to the package."""
    if isinstance(statement, ast.Import):
        full = [alias.name for alias in statement.names]
    else:
        assert statement.level == 0, "imports are absolute here"
        base = statement.module or ""
        full = [_module_or_base(base, alias.name) for alias in statement.names]
    for name in full:
        if name == PACKAGE or name.startswith(f"{PACKAGE}."):
            yield name.removeprefix(PACKAGE).removeprefix(".")


def _module_or_base(base: str, name: str) -> str:
    """`from package import x`: x is a module of the package, or something in it."""
    whole = f"{base}.{name}"
    return whole if whole.removeprefix(f"{PACKAGE}.") in MODULES else base


IMPORTS = [each for module in MODULES for each in imports_of(module)]


def is_allowed(each: Import) -> bool:
    """Within a room everything; between rooms what the table says. All may ask for the version."""
    here, there = room_of(each.importer), room_of(each.imported)
    if (here, there) in LAZY:
        return not each.at_start
    return here == there or there in ("", *ALLOWED[here]) or ALLOWED[here] == ANY


def test_every_room_is_in_the_table() -> None:
    """A new room needs a decision; one that is gone leaves the table."""
    assert {room_of(module) for module in MODULES} == set(ALLOWED)


def test_imports_between_rooms() -> None:
    """No module reaches into a room that the table does not open to it, not even in a function."""
    wrong = [each for each in IMPORTS if not is_allowed(each)]
    assert [f"{each.importer}:{each.line} imports {each.imported}" for each in wrong] == []


def test_the_test_sees_imports() -> None:
    """The imports known to be there are found: at the start, in functions, for types."""
    found = {(each.importer, each.imported, each.at_start) for each in IMPORTS}
    assert ("analyzer.pipeline", "events", True) in found
    assert ("in_process", "traced.recorder", True) in found
    assert ("", "in_process", False) in found
    assert ("traced.recorder", "", True) in found


def test_no_cycles() -> None:
    """Modules import each other in one direction only."""
    needs: dict[str, set[str]] = {module: set() for module in MODULES}
    for each in IMPORTS:
        if each.at_start and each.importer != each.imported:
            needs[each.importer].add(each.imported)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def loaded_by(statement: str) -> set[str]:
    """Names of all modules that a fresh interpreter has after a statement and not before."""
    program = (
        "import sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(ended.stdout.split())


def test_importing_the_package_loads_nothing_else() -> None:
    """`import conntrace` costs what its own file costs."""
    ours = {name for name in loaded_by("import conntrace") if name.startswith(PACKAGE)}
    assert ours == {PACKAGE}


@pytest.mark.parametrize("start", ["run_start", "layer_start"])
def test_the_traced_side_stays_small(start: str) -> None:
    """What the traced program loads: neither the analyzer, nor libraries of the program's own."""
    loaded = loaded_by(f"import conntrace.traced.{start}")
    ours = {room_of(name.partition(".")[2]) for name in loaded if name.startswith(PACKAGE)}
    assert ours <= {"", "traced", *ALLOWED["traced"]}
    assert {name.partition(".")[0] for name in loaded} & THEIRS == set()


def test_the_traced_side_starts_quickly() -> None:
    """Nothing heavy of the standard library is imported when the agent comes in."""
    rooms = {"", "traced", "startup", *ALLOWED["traced"]}
    wrong = [
        f"{module or PACKAGE} imports {name}"
        for module in MODULES
        if room_of(module) in rooms
        for name in _start_imports(module)
        if name in HEAVY | THEIRS
    ]
    assert wrong == []


def _start_imports(module: str) -> Iterator[str]:
    """First parts of what a module imports at its top level; `if TYPE_CHECKING` is none of it."""
    for statement in ast.parse(MODULES[module].read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield (statement.module or "").partition(".")[0]


def test_reports_load_no_analyzer() -> None:
    """A report of a file needs nothing of what made the file."""
    loaded = loaded_by("import conntrace.report.text")
    ours = {room_of(name.partition(".")[2]) for name in loaded if name.startswith(PACKAGE)}
    assert ours <= {"", "report", *ALLOWED["report"]}
