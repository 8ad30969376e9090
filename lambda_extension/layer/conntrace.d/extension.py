# Run by the launcher with its own path as the only argument. Any Python must be able to read this.
import os
import sys

home = __file__.rpartition("/")[0]
try:
    if sys.version_info < (3, 10):  # noqa: UP036 - whatever Python the launcher found
        raise ImportError("it needs Python 3.10 or newer")
    sys.path[:0] = [home + "/extension", home + "/agent"]
    import conntrace_bytecode

    conntrace_bytecode.install()
    from conntrace_extension.main import run
except Exception as error:
    reason = "the extension cannot start: " + repr(error)
    os.execv("/bin/sh", ["sh", sys.argv[1], "idle", reason])
run(sys.argv[1], home)
