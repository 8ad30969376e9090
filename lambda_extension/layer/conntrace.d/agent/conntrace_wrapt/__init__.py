"""A private copy of wrapt's wrappers, so that a function's `import wrapt` gets its own.

Only the classes that conntrace uses; `wrappers` and `_wrappers` are wrapt's own files.
"""

# The one in Python loads `inspect`, which costs a function's start several milliseconds.
try:
    from ._wrappers import BoundFunctionWrapper, FunctionWrapper
except ImportError:
    from .wrappers import BoundFunctionWrapper, FunctionWrapper

__all__ = ["BoundFunctionWrapper", "FunctionWrapper"]
