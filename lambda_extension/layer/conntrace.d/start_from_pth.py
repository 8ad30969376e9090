# Run by ../python/conntrace_layer.pth when Lambda's start reads it, at most once.
try:
    import os
    import sys

    agent = os.path.dirname(sitedir) + "/conntrace.d/agent"  # noqa: F821 - `site` names it
    sys.path.insert(0, agent)
    import conntrace_handover

    conntrace_handover.start_agent()
except Exception as error:
    while agent in sys.path:
        sys.path.remove(agent)
    print(f"conntrace: not started: {error!r} [layer-start-failed]", file=sys.stderr)
