"""The wrapt that the agent uses: its own private copy where there is one, else the installed one.

The AWS Lambda layer brings wrapt under the name `conntrace_wrapt`, so that a function that imports
wrapt gets its own, of whatever version.
"""

from __future__ import annotations

# For type checkers: the private copy has the same two classes, and exists in the layer only.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from wrapt import BoundFunctionWrapper, FunctionWrapper
else:
    try:
        from conntrace_wrapt import BoundFunctionWrapper, FunctionWrapper
    except ImportError:
        from wrapt import BoundFunctionWrapper, FunctionWrapper

__all__ = ["BoundFunctionWrapper", "FunctionWrapper"]
