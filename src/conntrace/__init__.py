"""conntrace: why a Python program opened a connection or looked a name up.

`instrument()` traces this process through its own OpenTelemetry set-up; `conntrace run` traces any
command. Importing this package loads nothing else.

PYTEST_DONT_REWRITE: pytest would warn that a plugin's package is imported already, and where
warnings are errors not even begin.
"""

from __future__ import annotations

# Not from `typing`: the traced program would pay for loading it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from conntrace.in_process import instrument, uninstrument

__version__ = "0.1.0"
__all__ = ["__version__", "instrument", "uninstrument"]


def __getattr__(name: str) -> object:
    if name in ("instrument", "uninstrument"):
        from conntrace import in_process

        return getattr(in_process, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
