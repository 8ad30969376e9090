"""Why: pure functions from facts to causes, one module for each family."""

from __future__ import annotations

from conntrace.analyzer.causes.cause import INFERRED, PROVED, Cause
from conntrace.analyzer.causes.decision import decide
from conntrace.analyzer.causes.facts import SetupFacts, gather

__all__ = ["INFERRED", "PROVED", "Cause", "SetupFacts", "decide", "gather"]
