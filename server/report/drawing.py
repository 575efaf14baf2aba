"""Charts as SVG that stretches with the page: shapes in a box of 1000 by 100, words beside it in the page's own size.

The page's policy allows no style attributes: colours come from its sheet, by class and by the arm's place. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from statistics import median

from engine.footprint import Estimate
from server.buckets import Bucket
from server.report.markup import Markup, joined, tag

WIDE, TALL = 1000.0, 100.0
_SHORTEST_GAP_NS = 500_000_000
_NICE = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)


def nice(peak: float) -> float:
    """The smallest round number that `peak` fits under."""
    if peak <= 0:
        return 1.0
    power = 1.0
    while power > peak:
        power /= 10
    while power * 10 <= peak:
        power *= 10
    return next(step * power for step in _NICE if step * power >= peak * (1 - 1e-9))


def power_curve(buckets: Sequence[Bucket], span_ns: tuple[int, int], labels: Sequence[str], top: float) -> Markup:
    """Power over the whole race: each arm's turns in its colour with what lay between its extremes, the rest thin."""
    begin, end = span_ns
    per_ns, gap = WIDE / max(1, end - begin), _gap_ns(buckets)
    parts: dict[int, list[str]] = {}
    areas: dict[int, list[str]] = {}
    before: Bucket | None = None
    for run in _runs(buckets, gap):
        slot = labels.index(run[0].arm) if run[0].arm in labels else -1
        joins = before is not None and run[0].t_ns - before.t_ns <= gap
        line = [before, *run] if joins and before is not None else run
        parts.setdefault(slot, []).append(_line([((b.t_ns - begin) * per_ns, b.mean) for b in line], top))
        if slot >= 0:
            areas.setdefault(slot, []).append(_area(run, begin, per_ns, top))
        before = run[-1]
    drawn = [tag("path", class_="between", d="".join(areas[slot]), data_slot=slot) for slot in sorted(areas)]
    drawn += [
        tag("path", class_="mean" if slot >= 0 else "rest", d="".join(parts[slot]), data_slot=slot)
        for slot in sorted(parts)
    ]
    return _stretched(*drawn)


def interval_bar(estimate: Estimate | None, most: float, slot: int) -> Markup:
    """A bar from zero, and the interval as a line with two ends."""
    if estimate is None:
        return tag("svg", class_="bar-svg", aria_hidden="true")
    share = f"{100 * estimate.value / most:.3f}%"
    parts = [tag("rect", class_="bar-fill", x="0", y="22%", width=share, height="56%", rx="4")]
    if estimate.low is not None and estimate.high is not None:
        low, high = (f"{100 * bound / most:.3f}%" for bound in (estimate.low, estimate.high))
        parts.append(tag("line", class_="whisker", x1=low, x2=high, y1="50%", y2="50%"))
        parts += [tag("line", class_="whisker", x1=x, x2=x, y1="30%", y2="70%") for x in (low, high)]
    return tag("svg", *parts, class_="bar-svg", data_slot=slot, aria_hidden="true")


def round_marks(rounds: Mapping[str, Sequence[tuple[int, float]]], last: int, reach: float) -> Markup:
    """Each round's letter where its figure lies, in percent away from its arm's own, at most `reach` of them."""
    marks = []
    for slot, (label, values) in enumerate(rounds.items()):
        for number, percent in values:
            x = f"{100 * (number - 0.5) / max(1, last):.3f}%"
            y = f"{50 - 44 * percent / reach:.3f}%"
            letter = tag("text", label, x=x, y=y, class_="round-mark", data_slot=slot)
            marks.append(tag("g", letter, tag("title", f"round {number}, {label}: {percent:+.2f} %")))
    return joined(marks)


def grid(shares: Sequence[tuple[float, str]]) -> Markup:
    """Lines across at these shares of the height (1 is the top), each with its words above it."""
    lines = []
    for share, words in shares:
        y = f"{100 * (1 - share):.3f}%"
        lines.append(tag("line", class_="grid-line", x1="0", x2="100%", y1=y, y2=y))
        lines.append(tag("text", words, class_="grid-words", x="2", y=y, dy="-4"))
    return joined(lines)


def _runs(buckets: Sequence[Bucket], gap_ns: float) -> Iterator[list[Bucket]]:
    """Neighbours of the same turn, without a gap between them."""
    for _, group in groupby(buckets, key=lambda bucket: bucket.arm):
        run: list[Bucket] = []
        for bucket in group:
            if run and bucket.t_ns - run[-1].t_ns > gap_ns:
                yield run
                run = []
            run.append(bucket)
        yield run


def _gap_ns(buckets: Sequence[Bucket]) -> float:
    """A step longer than this is a gap: nothing was measured in it."""
    steps = [later.t_ns - sooner.t_ns for sooner, later in pairwise(buckets)]
    return max(_SHORTEST_GAP_NS, 5 * median(steps)) if steps else _SHORTEST_GAP_NS


def _line(points: Sequence[tuple[float, float]], top: float) -> str:
    path = "".join(f"{'L' if number else 'M'}{x:.1f} {_y(watts, top)}" for number, (x, watts) in enumerate(points))
    return f"{path}h.1" if len(points) == 1 else path


def _area(run: Sequence[Bucket], begin: int, per_ns: float, top: float) -> str:
    if len(run) < 2:
        return ""
    over = [f"{(b.t_ns - begin) * per_ns:.1f} {_y(b.high, top)}" for b in run]
    under = [f"{(b.t_ns - begin) * per_ns:.1f} {_y(b.low, top)}" for b in reversed(run)]
    return f"M{'L'.join([*over, *under])}Z"


def _y(watts: float, top: float) -> str:
    return f"{TALL * (1 - watts / top):.2f}"


def _stretched(*shapes: Markup) -> Markup:
    return tag(
        "svg", *shapes, viewBox=f"0 0 {WIDE:.0f} {TALL:.0f}", preserveAspectRatio="none", width="100%", height="100%"
    )
