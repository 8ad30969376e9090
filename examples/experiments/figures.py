"""What is told of a run's spans: counts, times and causes."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from conntrace import semantic_names as names
from conntrace.testing import Span, Spans


@dataclass(frozen=True)
class Figures:
    """One run. Times in milliseconds, 0 when there is none."""

    label: str
    requests: int
    connections: int
    lookups: int
    reused: int
    mean_reused_ms: float
    mean_new_ms: float
    setup_ms: float
    handshake_ms: float
    keepalive: bool
    causes: dict[str, int]

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def figures(label: str, spans: Spans) -> Figures:
    """Of all these spans."""
    requests = spans.requests
    reused = [span for span in requests if span.attributes.get(names.CONNECTION_REUSED)]
    others = [span for span in requests if span not in reused]
    lookups = spans.named(names.DNS_LOOKUP)
    keepalive = [span.attributes.get(names.SOCKET_KEEPALIVE) for span in spans.setups]
    return Figures(
        label,
        len(requests) or len(spans.setups),
        len(spans.setups),
        len(lookups),
        len(reused),
        _mean_ms(reused),
        _mean_ms(others),
        _mean_ms(spans.setups),
        _mean_ms(spans.named(names.TLS_HANDSHAKE)),
        any(keepalive),
        dict(Counter(spans.causes).most_common()),
    )


def _mean_ms(spans: Sequence[Span]) -> float:
    times = [(span.end_ns - span.start_ns) / 1e6 for span in spans]
    return round(statistics.fmean(times), 3) if times else 0.0
