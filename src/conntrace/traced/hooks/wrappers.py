"""wrapt's wrappers for what is no Python function: builtins, methods in C.

A plain closure would show: it binds as a method, has a signature and hints, and pickles otherwise.
wrapt's are made to pass wherever the original function passes.

wrapt refuses to pickle and to copy, its bound methods cannot be rebuilt by `weakref.WeakMethod`,
and it shows itself in `repr`. `pool.map(socket.gethostbyname, names)` over processes must work.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

from conntrace.traced.wrapping import BoundFunctionWrapper, FunctionWrapper

# wrapt without its C extension: object's own __new__, which takes no arguments.
_PLAIN_NEW = BoundFunctionWrapper.__new__ is object.__new__


class OurBoundWrapper(BoundFunctionWrapper):  # type: ignore[type-arg,misc,unused-ignore]
    """A wrapped method as seen from an object, or from its class."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 2 and not kwargs:
            # What WeakMethod calls: it knows the type of a method as type(function, instance).
            return MethodType(*args)
        if _PLAIN_NEW:
            return object.__new__(cls)
        return super().__new__(cls, *args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __reduce_ex__(self, protocol: Any) -> Any:
        instance = self._self_instance
        if instance is None:
            return self._self_parent.__reduce_ex__(protocol)
        return getattr, (instance, self.__name__)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        from copy import deepcopy

        return self if self._self_instance is None else deepcopy(self.__wrapped__, memo)


class OurWrapper(FunctionWrapper):  # type: ignore[type-arg,misc,unused-ignore]
    """A class of our own, so that a second installation is told from another tool's wrapper."""

    __bound_function_wrapper__ = OurBoundWrapper

    def __init__(self, original: Any, around: Any, place: str, *, is_method: bool) -> None:
        """`around` is called in place of `original`, with the same arguments."""

        def pass_on(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            try:
                if is_method:
                    return around(instance, *args, **kwargs)
                return around(*args, **kwargs)
            finally:
                # A traceback keeps this frame: it must not keep the program's objects with it.
                del wrapped, instance, args, kwargs

        super().__init__(original, pass_on)
        # `module:path`, by which an unpickler finds it again; wrapt keeps `_self_*` to itself.
        self._self_place = place

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
