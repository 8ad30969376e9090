"""Patch a module right after the program imports it, and be seen by nobody afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from conntrace.traced import guard

if TYPE_CHECKING:
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec


class PatchOnImport:
    """First entry of `sys.meta_path`: lets the others find a module, and patches it once executed.

    wrapt's own post-import hooks cannot be taken out again and know no name patterns.
    """

    def __init__(
        self, wants: Callable[[str], bool], patch: Callable[[str, ModuleType], None]
    ) -> None:
        self._wants = wants
        self._patch = patch
        self._finding: set[str] = set()

    def install(self) -> None:
        """Come first."""
        sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Leave no trace."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the module as if we were not there, with a loader that tells us when it is ready."""
        if name in self._finding or not guard.contained("find on import", self._wants, name):
            return None
        self._finding.add(name)
        try:
            spec = self._find_elsewhere(name, path, target)
        finally:
            self._finding.discard(name)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = PatchingLoader(spec.loader, self._patch)  # type: ignore[assignment,arg-type]
        return spec

    def _find_elsewhere(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find_spec = getattr(finder, "find_spec", None)
            if finder is self or find_spec is None:
                continue
            spec: ModuleSpec | None = find_spec(name, path, target)
            if spec is not None:
                return spec
        return None


class PatchingLoader:
    """Stands in for a module's loader until the module is executed, then is seen no more."""

    def __init__(self, loader: Loader, patch: Callable[[str, ModuleType], None]) -> None:
        self._loader = loader
        self._patch = patch

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the real loader does."""
        create = getattr(self._loader, "create_module", None)
        return create(spec) if create is not None else None

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module with its real loader in place, then patch it."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        guard.contained("patch on import", self._patch, module.__name__, module)

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)
