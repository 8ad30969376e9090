"""The installer: rows in, undo exact, other people's wrappers respected."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3
import wrapt
from tests.servers.loopback import LoopbackServer

from conntrace.testing import capture
from conntrace.traced import guard
from conntrace.traced.hooks.base import Hook, Installer, has_ours
from conntrace.traced.hooks.on_import import PatchOnImport


class Parent:
    """Has what the child inherits."""

    def inherited(self) -> str:
        return "inherited"


class Child(Parent):
    """Has one method of its own."""

    def own(self, word: str = "own") -> str:
        if word == "raise":
            raise ValueError(word)
        return word


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    """A module of a name that no one else uses, loaded."""
    made = types.ModuleType("conntrace_test_target")
    made.Child = type("Child", (Parent,), dict(vars(Child)))  # type: ignore[attr-defined]
    made.function = lambda: "function"  # type: ignore[attr-defined]
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def noting(path: str, seen: list[object]) -> Hook:
    """A row that notes what goes in and what comes out."""

    def begin(instance: object, args: object, kwargs: object) -> object:
        seen.append(("begin", args))
        return "token"

    def end(token: object, result: object, error: BaseException | None) -> None:
        seen.append(("end", token, result, type(error)))

    return Hook("conntrace_test_target", path, begin, end)


def test_result_and_arguments_pass_through(module: types.ModuleType) -> None:
    """The program gets what the original gives; we get to see it."""
    seen: list[object] = []
    installer = Installer([noting("Child.own", seen)])
    installer.install()
    try:
        assert module.Child().own("word") == "word"
    finally:
        installer.remove()

    assert seen == [("begin", ("word",)), ("end", "token", "word", type(None))]


def test_exception_passes_through(module: types.ModuleType) -> None:
    """The program's exception is the program's; we only see it."""
    seen: list[object] = []
    installer = Installer([noting("Child.own", seen)])
    installer.install()
    try:
        with pytest.raises(ValueError, match="raise"):
            module.Child().own("raise")
    finally:
        installer.remove()

    assert seen[-1] == ("end", "token", None, ValueError)


def test_undo_restores_the_very_objects(module: types.ModuleType) -> None:
    """Own attributes get their old value back, inherited ones leave the class again."""
    before_class, before_module = dict(vars(module.Child)), dict(vars(module))
    installer = Installer(
        [noting("Child.own", []), noting("Child.inherited", []), noting("function", [])]
    )

    installer.install()
    assert "inherited" in vars(module.Child)
    assert len(installer.patched()) == 3
    installer.remove()

    assert dict(vars(module.Child)) == before_class
    assert dict(vars(module)) == before_module


def test_second_installation_does_not_wrap_twice(module: types.ModuleType) -> None:
    """What is patched already is left alone, also below another tool's wrapper."""
    seen: list[object] = []
    installer = Installer([noting("Child.own", seen)])
    installer.install()
    wrapt.wrap_function_wrapper(
        module, "Child.own", lambda wrapped, instance, args, kwargs: wrapped(*args, **kwargs)
    )
    again = Installer([noting("Child.own", seen)])
    again.install()
    try:
        assert module.Child().own() == "own"
        assert again.patched() == []
    finally:
        again.remove()
        installer.remove()

    assert seen.count(("begin", ())) == 1


def test_inherited_function_is_noted_once(module: types.ModuleType) -> None:
    """A row for a class and one for its base, where only the base has the function."""
    seen: list[object] = []
    base = type("Base", (), {"inherited": Parent.inherited})
    module.Base = base  # type: ignore[attr-defined]
    module.Derived = type("Derived", (base,), {})  # type: ignore[attr-defined]
    installer = Installer([noting("Base.inherited", seen), noting("Derived.inherited", seen)])
    installer.install()
    try:
        assert module.Derived().inherited() == "inherited"
    finally:
        installer.remove()

    assert seen.count(("begin", ())) == 1


@pytest.mark.parametrize("ours", ["closure", "wrapper"])
def test_another_tools_wrapper_below_ours_knows_its_instance(
    module: types.ModuleType, ours: str
) -> None:
    """wrapt's wrappers, which OpenTelemetry and others use, learn it only by being bound."""
    instances: list[object] = []

    @wrapt.decorator
    def theirs(
        wrapped: Callable[..., str], instance: object, args: Any, kwargs: Any
    ) -> tuple[object, ...]:
        instances.append(instance)
        return wrapped(*args, **kwargs), args, kwargs

    def build(original: Callable[..., object]) -> Callable[..., object]:
        return lambda *args, **kwargs: original(*args, **kwargs)

    module.Child.own = theirs(module.Child.own)
    row = Hook("conntrace_test_target", "Child.own", build=build)
    installer = Installer([row if ours == "closure" else noting("Child.own", [])])
    installer.install()
    child = module.Child()
    assert child.own("word") == ("word", ("word",), {})
    assert module.Child.own(child, word="word") == ("word", (), {"word": "word"})
    assert instances == [child, child]
    installer.remove()


def test_undo_leaves_a_wrapper_over_ours_in_place(module: types.ModuleType) -> None:
    """Taking ours out from under another tool would take theirs out too."""
    installer = Installer([noting("Child.own", [])])
    installer.install()
    wrapt.wrap_function_wrapper(
        module, "Child.own", lambda wrapped, instance, args, kwargs: "theirs"
    )

    installer.remove()

    assert module.Child().own() == "theirs"


def test_missing_names_are_skipped(module: types.ModuleType) -> None:
    """Versions differ: a row for what is not there does nothing."""
    installer = Installer([noting("Gone.method", []), noting("Child.gone", [])])
    installer.install()
    try:
        assert installer.patched() == []
    finally:
        installer.remove()


def test_own_failure_is_contained_and_switched_off(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that fails costs the program nothing, and is called no more after a while."""
    monkeypatch.setattr(guard, "_raise_own_failures", False)
    monkeypatch.setattr(guard, "_failures", {})
    monkeypatch.setattr(guard, "switched_off", set())
    calls: list[int] = []

    def begin(instance: object, args: object, kwargs: object) -> object:
        calls.append(1)
        raise RuntimeError("ours")

    installer = Installer([Hook("conntrace_test_target", "Child.own", begin)])
    installer.install()
    try:
        assert [module.Child().own() for _ in range(50)] == ["own"] * 50
    finally:
        installer.remove()

    assert len(calls) == guard.MAX_FAILURES
    assert guard.switched_off == {"conntrace_test_target.Child.own"}
    assert guard.failure_count() == guard.MAX_FAILURES


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_a_program_at_its_limits_costs_events_not_hooks(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """No fault of ours: nothing is logged or switched off, and what was lost is counted."""
    monkeypatch.setattr(guard, "_exhausted", 0)
    before = guard.failure_count()

    def begin(instance: object, args: object, kwargs: object) -> object:
        raise error

    installer = Installer([Hook("conntrace_test_target", "Child.own", begin)])
    installer.install()
    try:
        assert [module.Child().own() for _ in range(50)] == ["own"] * 50
    finally:
        installer.remove()

    assert guard.exhausted_count() == 50
    assert guard.failure_count() == before


def test_keyboard_interrupt_in_a_hook_is_the_programs(module: types.ModuleType) -> None:
    """Ctrl-C is never swallowed."""

    def begin(instance: object, args: object, kwargs: object) -> object:
        raise KeyboardInterrupt

    installer = Installer([Hook("conntrace_test_target", "Child.own", begin)])
    installer.install()
    try:
        with pytest.raises(KeyboardInterrupt):
            module.Child().own()
    finally:
        installer.remove()


def test_copies_in_other_packages_match_by_the_end_of_their_name() -> None:
    """`pip._vendor.urllib3.connectionpool` is urllib3's; `myurllib3.connectionpool` is not."""
    installer = Installer([Hook("urllib3.connectionpool", "HTTPConnectionPool.urlopen")])

    assert installer.rows_for("urllib3.connectionpool")
    assert installer.rows_for("pip._vendor.urllib3.connectionpool")
    assert not installer.rows_for("myurllib3.connectionpool")
    assert not installer.rows_for("urllib3")


def test_module_imported_later_is_patched_and_looks_untouched(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loader of the module is its real one again; nothing shows that we were there."""
    import importlib
    import inspect

    name = "conntrace_test_late"
    (tmp_path / f"{name}.py").write_text("def function():\n    return 1\n")  # type: ignore[operator]
    monkeypatch.syspath_prepend(str(tmp_path))
    seen: list[object] = []
    hook = noting("function", seen)._replace(module=name)
    installer = Installer([hook])
    installer.install()
    try:
        late = importlib.import_module(name)
        assert late.function() == 1
        assert has_ours(late.function)
        assert type(late.__loader__).__name__ == "SourceFileLoader"
        assert late.__spec__ is not None
        assert late.__spec__.loader is late.__loader__
        assert "return 1" in inspect.getsource(late)
        assert importlib.reload(late).function() == 1
    finally:
        installer.remove()
        sys.modules.pop(name, None)
    assert seen[0] == ("begin", ())
    assert not any(type(finder).__name__ == "PatchOnImport" for finder in sys.meta_path)


def test_a_failure_while_a_module_is_looked_for_hides_no_module(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    def wants(name: str) -> bool:
        raise RuntimeError("ours")

    monkeypatch.setattr(guard, "_raise_own_failures", False)
    monkeypatch.setattr(guard, "_failures", {})
    name = "conntrace_test_found"
    (tmp_path / f"{name}.py").write_text("there = True\n")  # type: ignore[operator]
    monkeypatch.syspath_prepend(str(tmp_path))
    finder = PatchOnImport(wants, lambda name, module: None)
    finder.install()
    try:
        assert importlib.import_module(name).there
    finally:
        finder.remove()
        sys.modules.pop(name, None)
    assert guard.failure_count() > 0


def must_not_be_called(*args: object) -> None:
    """What a switched-off hook would call."""
    pytest.fail("the hook is switched off")


NOTING = {
    "urlopen": ["urllib3_requests._begin_request", "urllib3_requests._end_request"],
    "_get_conn": ["urllib3_checkouts._before_get", "urllib3_checkouts._note_checkout"],
    "_put_conn": ["urllib3_returns._before_put", "urllib3_returns._note_put"],
    "is_connection_dropped": ["urllib3_probes._note_probe"],
}


@pytest.mark.parametrize("name", NOTING)
def test_a_switched_off_closure_only_calls_the_original(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hooks of the path that every request takes are switched off like all others."""
    failures = guard.failure_count()
    with LoopbackServer() as server, capture():
        monkeypatch.setattr(guard, "switched_off", {name})
        closure = vars(urllib3.connectionpool.HTTPConnectionPool).get(
            name, getattr(urllib3.connectionpool, name, None)
        )
        assert has_ours(closure)
        for noting_function in NOTING[name]:
            monkeypatch.setattr(f"conntrace.traced.hooks.{noting_function}", must_not_be_called)
        client = urllib3.PoolManager()
        for _ in range(2):
            assert client.request("GET", server.url(path="/")).status == 200
        assert guard.failure_count() == failures
