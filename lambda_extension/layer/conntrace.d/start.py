# Run by the wrapper: `python [options] start.py PROGRAM…`. Nothing of this file is left when the
# program runs, but for one line in the traceback of an exception that ends it.
try:
    import sys

    sys.path.insert(0, __file__.rpartition("/")[0] + "/agent")
    import conntrace_handover

    conntrace_handover.prepare(globals())
except Exception:
    # Whatever it was, Python itself starts the program as if this had never run.
    import os

    with open("/proc/self/cmdline", "rb") as file:
        words = file.read().split(b"\0")[:-1]
    words.remove(next(word for word in words if word.endswith(b"/conntrace.d/start.py")))
    os.execv(sys.executable, words)
__import__("conntrace_handover").program()
