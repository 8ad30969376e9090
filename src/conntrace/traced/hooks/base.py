"""Hooks are rows of data; one installer puts them in and, from its log, takes them out exactly.

A row names a function of a module and what to note before and after it. Modules that are loaded are
patched at once; the others when the program imports them: nothing is ever imported by us. Copies of
urllib3 inside other packages (`pip._vendor.urllib3`) match the same rows by the end of their name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FunctionType, MethodDescriptorType, ModuleType
from typing import NamedTuple

from conntrace.traced import guard, recording
from conntrace.traced.context import is_suppressed
from conntrace.traced.hooks.on_import import PatchOnImport
from conntrace.traced.hooks.wrappers import OurWrapper
from conntrace.traced.originals import monotonic_ns

Arguments = tuple[object, ...]
Keywords = dict[str, object]

MAX_CHAIN = 20

# From 3.14 on annotations are made when somebody asks for them, which may fail.
_ANNOTATIONS = "__annotate__" if sys.version_info >= (3, 14) else "__annotations__"
_COPIED = ("__module__", "__name__", "__qualname__", "__doc__", _ANNOTATIONS)

# (instance, args, kwargs) -> a token for `end`, or None: nothing to note this time.
Begin = Callable[[object, Arguments, Keywords], object]
# (token, result, error) after the original returned or raised.
End = Callable[[object, object, BaseException | None], None]
# original function -> plain closure around it; for the path that every request takes.
Build = Callable[[Callable[..., object]], Callable[..., object]]


class Hook(NamedTuple):
    """One patched function.

    `module` is the name of the module, or the end of it after a dot; `path` is `function` or
    `Class.method` in it. Either `begin` and `end`, or `build`.
    """

    module: str
    path: str
    begin: Begin | None = None
    end: End | None = None
    build: Build | None = None


class Patch(NamedTuple):
    """What was replaced: enough to put it back."""

    holder: object
    name: str
    inherited: bool
    original: object
    replacement: object
    place: str


def note_around(hook: Hook, original: Callable[..., object]) -> Callable[..., object]:
    """A plain closure that notes before and after, and passes everything through untouched.

    One of wrapt's wrappers in its place would cost 1.5 us more for each call.
    """
    begin, end = hook.begin or _note_nothing, hook.end
    is_method = "." in hook.path
    place = f"{hook.module}.{hook.path}"

    def around(*args: object, **kwargs: object) -> object:
        token = None
        # All of it inside `try`: Ctrl-C may come right after `begin`, and its `end` is then due.
        try:
            if (args or not is_method) and not is_suppressed() and place not in guard.switched_off:
                began_ns = monotonic_ns()
                try:
                    token = begin(args[0] if is_method else None, args[is_method:], kwargs)
                except Exception as error:
                    guard.failed(place, error)
                recording.spent_ns += monotonic_ns() - began_ns
            result = original(*args, **kwargs)
        except BaseException as error:
            if token is not None and end is not None:
                began_ns = monotonic_ns()
                try:
                    end(token, None, error)
                except Exception as own_error:
                    guard.failed(place, own_error)
                recording.spent_ns += monotonic_ns() - began_ns
            # The traceback keeps this frame, where the original may have left none: it must not
            # keep the program's objects alive with it.
            del token, args, kwargs
            raise
        if token is not None and end is not None:
            began_ns = monotonic_ns()
            try:
                end(token, result, None)
            except Exception as own_error:
                guard.failed(place, own_error)
            recording.spent_ns += monotonic_ns() - began_ns
        try:
            return result
        finally:
            # f_back of a kept frame keeps this one too.
            del token, args, kwargs, result

    return around


def _note_nothing(instance: object, args: Arguments, kwargs: Keywords) -> object:
    return None


class Installer:
    """Puts rows in, patches later imports, keeps the undo log."""

    def __init__(self, hooks: Iterable[Hook]) -> None:
        self._rows: dict[str, list[Hook]] = {}
        for hook in hooks:
            self._rows.setdefault(hook.module, []).append(hook)
        self._tails = tuple("." + name for name in self._rows if "." in name)
        self._patches: list[Patch] = []
        self._finder = PatchOnImport(self._wants, self.patch_module)

    def install(self) -> None:
        """Patch what is loaded, and whatever the program loads later."""
        self._finder.install()
        for name, module in list[tuple[str, object]](sys.modules.items()):
            # What stands in sys.modules need not be a module: None, or any object.
            if isinstance(module, ModuleType) and self._wants(name):
                self.patch_module(name, module)

    def remove(self) -> None:
        """Put everything back, last patch first. What others wrapped over ours is left to them."""
        self._finder.remove()
        while self._patches:
            _undo(self._patches.pop())

    def _wants(self, module: str) -> bool:
        return bool(self.rows_for(module))

    def rows_for(self, module: str) -> list[Hook]:
        """The rows for a module of this name."""
        rows = self._rows.get(module)
        if rows is not None or not module.endswith(self._tails):
            return rows or []
        return next(rows for name, rows in self._rows.items() if module.endswith("." + name))

    def patch_module(self, name: str, module: ModuleType) -> None:
        """Patch one loaded module; what it does not have is skipped (versions differ)."""
        for hook in self.rows_for(name):
            guard.contained(f"patch {name}.{hook.path}", self._patch, module, hook)

    def patched(self) -> list[str]:
        """What is patched now, as `module.Class.function`."""
        return [f"{getattr(p.holder, '__name__', p.holder)}.{p.name}" for p in self._patches]

    def places(self) -> list[str]:
        """The same as `module:Class.function`, by the module that was asked for it."""
        return [patch.place for patch in self._patches]

    def _patch(self, module: ModuleType, hook: Hook) -> None:
        holder: object = module
        *classes, name = hook.path.split(".")
        for each in classes:
            holder = vars(holder).get(each)
            if not isinstance(holder, type):
                return
        original = vars(holder).get(name)
        inherited = original is None
        if inherited:
            original = getattr(holder, name, None)
        if not callable(original) or has_ours(_as_it_stands(holder, name)):
            return
        place = f"{module.__name__}:{hook.path}"
        replacement = _replacement(hook, original, place)
        setattr(holder, name, replacement)
        self._patches.append(Patch(holder, name, inherited, original, replacement, place))


def _as_it_stands(holder: object, name: str) -> object:
    """The attribute of the class or of a base, not bound: binding hides that it is a wrapper."""
    for place in getattr(holder, "__mro__", (holder,)):
        if name in vars(place):
            return vars(place)[name]
    return None


def has_ours(function: object) -> bool:
    """True when a wrapper of ours is in the chain, perhaps below another tool's."""
    for _ in range(MAX_CHAIN):
        if isinstance(function, OurWrapper) or "_conntrace_closure" in getattr(
            function, "__dict__", ()
        ):
            return True
        function = getattr(function, "__wrapped__", None)
        if function is None:
            return False
    return False


def _replacement(hook: Hook, original: Callable[..., object], place: str) -> object:
    is_method = "." in hook.path
    # `type`, because `isinstance` believes wrapt's wrappers that they are functions.
    plain = type(original) in (FunctionType, MethodDescriptorType)
    called = _called_as_method(original) if is_method and not plain else original
    if hook.build is None and type(original) is not FunctionType:
        return OurWrapper(original, note_around(hook, called), place, is_method=is_method)
    closure = note_around(hook, called) if hook.build is None else hook.build(called)
    # What functools.wraps copies, without importing functools' dependencies on a cold start.
    for name in _COPIED:
        if hasattr(original, name):
            setattr(closure, name, getattr(original, name))
    closure.__dict__.update(getattr(original, "__dict__", {}))
    closure.__wrapped__ = original  # type: ignore[attr-defined]
    closure._conntrace_closure = True  # type: ignore[attr-defined]
    return closure


def _called_as_method(original: Callable[..., object]) -> Callable[..., object]:
    """Another tool's wrapper (wrapt's, say) in a class learns its instance by being bound."""

    def method(*args: object, **kwargs: object) -> object:
        instance = args[0]
        bound = original.__get__(instance, type(instance))
        result: object = bound(*args[1:], **kwargs)
        return result

    return method if hasattr(original, "__get__") else original


def _undo(patch: Patch) -> None:
    if vars(patch.holder).get(patch.name) is not patch.replacement:
        # Somebody wrapped or replaced ours since: taking it out would take theirs out too. Ours
        # stays underneath and does nothing, because the recorder is gone.
        return
    if patch.inherited:
        delattr(patch.holder, patch.name)
    else:
        setattr(patch.holder, patch.name, patch.original)
