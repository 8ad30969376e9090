"""What is told of the samples: figures, the sentence, the terminal, the page, the document."""

from __future__ import annotations

import io
import json

import pytest

from conntrace.probe.html import write_html
from conntrace.probe.json_document import write_json
from conntrace.probe.samples import Measured, Sample, quantile, rows, verdict
from conntrace.probe.text import write_text

LOST = ("server_closed_idle",)


def sample(gap: float, ms: float, reused: bool = True, **more: object) -> Sample:
    return Sample(gap, ms / 1000, reused, **more)  # type: ignore[arg-type]


def measured(*samples: Sample) -> Measured:
    return Measured("http://a.test/<x>", list(samples), len(samples) + 1)


MIXED = measured(
    sample(0, 10),
    sample(0, 30),
    sample(5, 700, False, causes=LOST, idle_limit_s=2.01),
    sample(5, 1300, False, causes=LOST, idle_limit_s=2.02),
    sample(2.05, 50, False, causes=LOST, idle_limit_s=2.01),
    sample(1.95, 20),
)


def test_the_table() -> None:
    none, five = rows(MIXED.samples, [0, 5])
    assert (none.requests, none.mean_ms, none.p50_ms, none.reused) == (2, 20, 20, 1.0)
    assert none.sd_ms == pytest.approx(14.142, abs=0.001)
    assert (five.under_500_ms, five.under_1000_ms, five.reused) == (0.0, 0.5, 0.0)
    assert five.causes == (("server_closed_idle", 2),)
    assert five.maximum_ms == 1300


def test_quantiles_lie_between_neighbours() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert quantile([1, 2, 3, 4, 5], 0.95) == pytest.approx(4.8)
    assert quantile([7], 0.95) == 7


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (MIXED, "The server closes idle connections after 2.01 s; by trial the limit lies between"),
        (measured(sample(0, 1), sample(5, 1)), "no idle limit up to it"),
        (measured(sample(0, 1, False, causes=LOST)), "not even after 0 s (server_closed_idle)"),
        (
            measured(sample(0, 1), sample(9, 1, False)),
            "lies between 0 and 9 s. The close itself was not seen.",
        ),
        (measured(sample(0, 1, False), sample(5, 1)), "there is no plain limit"),
        (
            measured(sample(0, 1), sample(5, 1, False), sample(9, 1)),
            "lost after some gaps and not after longer ones: there is no plain limit",
        ),
        (
            measured(sample(5, 1, False, causes=LOST, idle_limit_s=2.0)),
            "after 2.00 s; by trial the limit lies between 0 and 5 s",
        ),
        # A server that ends is no server that closes idle connections ...
        (
            measured(
                sample(0, 1),
                sample(
                    5,
                    1,
                    False,
                    causes=LOST,
                    idle_limit_s=0.01,
                    error="connection_refused",
                    unreachable=True,
                ),
            ),
            "no idle limit up to it. 1 of 2 requests got no connection (connection_refused)",
        ),
        # ... nor is one that ends a connection after so many answers.
        (
            measured(
                sample(0, 1),
                sample(5, 1),
                sample(5, 1, False, causes=("response_connection_close",)),
            ),
            "No connection was lost for being idle, also after 5 s; 1 of 3 the server ended",
        ),
        (
            measured(sample(0, 1, False, causes=("response_connection_close",))),
            "not even after 0 s (response_connection_close)",
        ),
        (measured(), "Nothing was measured."),
    ],
)
def test_the_answer_in_one_sentence(result: Measured, expected: str) -> None:
    assert expected in verdict(result, [0, 5, 9])


def text_of(result: Measured, encoding: str = "utf-8") -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    write_text(result, [0, 5], stream, width=80)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]


def test_in_the_terminal() -> None:
    shown = text_of(MIXED)
    lines = shown.splitlines()
    assert lines[0].startswith("The server closes idle connections after 2.01")
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:3] == ["5", "s", "2"] and line.endswith("0%") for line in lines)
    (box,) = [line for line in lines if "server_closed_idle" in line]
    assert "├" in box or "[" in box
    assert "http://a.test/<x>" in shown


def test_in_a_terminal_without_boxes() -> None:
    assert "|" in text_of(MIXED, "ascii")


def test_an_interrupted_probe_says_so() -> None:
    cut = measured(sample(0, 1))
    cut.interrupted = True
    assert "Interrupted" in text_of(cut)
    assert text_of(measured()).strip() == "Nothing was measured."


def test_the_page_is_whole_and_escaped() -> None:
    stream = io.StringIO()
    write_html(MIXED, [0, 5], stream)
    page = stream.getvalue()
    assert page.count("<svg") == 1
    assert "http://a.test/&lt;x&gt;" in page
    assert "<x>" not in page
    assert "@" not in page.replace("@media", "")
    assert "2 server_closed_idle" in page


def test_the_document() -> None:
    stream = io.StringIO()
    write_json(MIXED, [0, 5], stream)
    document = json.loads(stream.getvalue())
    assert document["idle_limit"] == {
        "reused_s": 1.95,
        "lost_s": 2.05,
        "seen_s": [2.01, 2.02, 2.01],
    }
    assert [row["gap_s"] for row in document["gaps"]] == [0, 5]
    assert document["gaps"][1]["causes"] == {"server_closed_idle": 2}
    assert len(document["samples"]) == 6
