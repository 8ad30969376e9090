"""A local Lambda: the platform's APIs, order, limits and freezes, around the real runtime client.

with LocalLambda(handler="app.handler", task_root="src", layer="conntrace-layer.zip") as function:
    first = function.invoke({"id": 1})
    later = function.invoke({"id": 2}, gap_s=5)
    print(later.payload, later.report)
"""

from conntrace.simulator.invocation import Figures, Invocation
from conntrace.simulator.local_lambda import LocalLambda
from conntrace.simulator.sandbox import Mount
from conntrace.simulator.settings import FunctionSettings

__all__ = ["Figures", "FunctionSettings", "Invocation", "LocalLambda", "Mount"]
