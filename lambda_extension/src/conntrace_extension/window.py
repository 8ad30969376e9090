"""How long the extension works after a response: the environment is busy, and billed, meanwhile."""

from __future__ import annotations

from conntrace_extension.thinker import SLICE_S

WINDOW_S = 0.1
"""For all of it: storing what was still on its way, thinking and sending."""
THINK_S = 0.07
"""Of that, until thinking ends."""


def window(ended_s: float, now_s: float, last_s: float) -> tuple[float, float]:
    """Until when to think, and until when to send; all times of the monotonic clock.

    `ended_s` is when the response was out, 0 when nobody said; `last_s` is when all must be done.
    However late it is seen there is a moment for thinking: each invocation is to bring it forward.
    """
    begun_s = ended_s if 0 < ended_s <= now_s else now_s
    least_s = now_s + SLICE_S
    think_until_s = max(begun_s + THINK_S, least_s)
    until_s = max(begun_s + WINDOW_S, least_s)
    return min(think_until_s, last_s), min(until_s, last_s)
