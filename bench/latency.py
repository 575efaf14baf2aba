"""Latencies of the sampler and of the arms' answers, from a recording's turns."""

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from figures import quantile

from engine.books.figures import Percentiles
from engine.clock import NS
from engine.documents import Mark, MarkKind, Page
from engine.outcome import read_ledger
from engine.recording import Reader

NOMINAL_NS = NS // 100
LOST = "samples lost, of a thousand"


def latencies(recording: Path) -> dict[str, float]:
    """Every figure by its name."""
    span = turns(recording)
    pages = [each for each in Reader(recording) if isinstance(each, Page)]
    late = [value for _, value in within(pages, "sampler", "sampler_lateness_microseconds", span)]
    stamps = [t_ns for t_ns, _ in within(pages, "gpu0", "power_instant_watts", span)]
    intervals = [later - earlier for earlier, later in pairwise(stamps)]
    errors = [abs(interval - NOMINAL_NS) / 1e6 for interval in intervals]
    return {
        LOST: lost(within(pages, "sampler", "sampler_lateness_microseconds", span)),
        **pair("sampler lateness, us", late),
        **pair("sampling interval error, ms", errors),
        **answers(recording),
    }


def lost(lateness_us: Iterator[tuple[int, float]]) -> float:
    """How many deadlines in a thousand had no sample."""
    due = [begun_ns - late * 1000 for begun_ns, late in lateness_us]
    if len(due) < 2:
        return math.nan
    passed_over = sum(round((later - earlier) / NOMINAL_NS) - 1 for earlier, later in pairwise(due))
    return 1000 * passed_over / (len(due) + passed_over)


def answers(recording: Path) -> dict[str, float]:
    """The books' own latencies. Arm A's clients mostly queue, so its time to first token says little."""
    ledger, _ = read_ledger(recording)
    told = {label: books.latencies() for label, books in ledger.arms.items()}
    found: dict[str, float] = {}
    for label, latency in told.items():
        found |= milliseconds(f"arm {label} between tokens, ms", latency["itl_seconds"])
    return found | milliseconds("arm B first token, ms", told["B"]["ttft_seconds"])


def milliseconds(name: str, found: Percentiles | None) -> dict[str, float]:
    p50, p99 = (found.p50, found.p99) if found else (math.nan, math.nan)
    return {f"{name} p50": p50 * 1000, f"{name} p99": p99 * 1000}


def turns(recording: Path) -> tuple[int, int]:
    """From the first turn's begin to the last one's end: what happens around them is another matter."""
    marks = [each for each in Reader(recording) if isinstance(each, Mark)]
    begins = [mark.t_ns for mark in marks if mark.kind == MarkKind.ROUND_BEGIN]
    ends = [mark.t_ns for mark in marks if mark.kind == MarkKind.ROUND_END]
    return begins[0], ends[-1]


def within(pages: list[Page], stream: str, column: str, span: tuple[int, int]) -> Iterator[tuple[int, float]]:
    """The stamps and values of one column in the span."""
    for page in (each for each in pages if each.stream == stream):
        for t_ns, value in zip(page.t_ns, page.data[column], strict=True):
            if isinstance(value, int | float) and span[0] <= t_ns <= span[1]:
                yield t_ns, float(value)


def pair(name: str, values: list[float]) -> dict[str, float]:
    return {f"{name} p50": quantile(values, 0.5), f"{name} p99": quantile(values, 0.99)}
