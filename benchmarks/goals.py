"""What conntrace may cost: a share of what OpenTelemetry's agent adds, measured in the same run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A figure, and the largest share of OpenTelemetry's part that conntrace may add to it."""

    figure: str
    share: float
    with_analyzer: bool = False
    """Whether the analyzer's own work, in another process, counts too."""

    def shown(self, share: float) -> str:
        """The share that was found, beside the goal."""
        analyzer = ", analyzer included" if self.with_analyzer else ""
        # What is shown decides: a third decimal place would be noise.
        word = "reached" if round(share, 2) <= self.share else "missed"
        return f"{share:.2f} of OpenTelemetry's{analyzer}; goal: at most {self.share:.2f}: {word}"


GOALS = (
    Goal("start to first reply", 0.10),
    Goal("reused request", 0.20),
    Goal("reused request", 0.50, with_analyzer=True),
    Goal("new connection", 0.50),
)

IMPORT_LIMIT_MS = 8.0
"""What the agent's own modules may take in a process that has imported boto3."""
