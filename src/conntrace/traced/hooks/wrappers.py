"""wrapt's wrapper for builtin functions, made to pass wherever the original function passes.

wrapt refuses to pickle and to copy, and it shows itself in `repr`. `pool.map(socket.gethostbyname,
names)` over processes must work.
"""

from __future__ import annotations

from typing import Any

from conntrace.traced.wrapping import FunctionWrapper


class OurWrapper(FunctionWrapper):  # type: ignore[type-arg,misc,unused-ignore]
    """A class of our own, so that a second installation is told from another tool's wrapper."""

    def __init__(self, original: Any, around: Any, place: str) -> None:
        """`around` is called in place of `original`, with the same arguments."""

        def pass_on(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            try:
                return around(*args, **kwargs)
            finally:
                # A traceback keeps this frame: it must not keep the program's objects with it.
                del wrapped, instance, args, kwargs

        super().__init__(original, pass_on)
        # `module:path`, by which an unpickler finds it again; wrapt keeps `_self_*` to itself.
        self._self_place = place

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        # A builtin that stands in a class is not bound either.
        return self

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A function of the standard library: whoever unpickles this need not have conntrace.
        from pkgutil import resolve_name

        return resolve_name, (self._self_place,)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self
