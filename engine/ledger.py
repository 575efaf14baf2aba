"""The ledger: documents in, figures out. Live view, verdict, `compare` and replay all read this one.

It keeps what figures need and nothing else: the samples of the current round, and of finished rounds only what they
came to. The same documents in the same order give the same figures to the last bit, live or replayed.
"""

from dataclasses import dataclass
from typing import Any, assert_never

from engine.books import ArmBooks, ArmFigures, RoundBooks, summary
from engine.clock import NS
from engine.compare import Verdict, judge
from engine.documents import Descriptor, Document, Mark, MarkKind, Page, Start, Stop
from engine.energy import EnergyMeter

_KEPT_NS = 2 * NS
"""Samples older than the current round's start by this are forgotten: enough for the live second."""

_SETTLE_NS = NS * 3 // 10
"""A round's books are closed when the sensors have told this much more: the tick after its end is in by then."""

ENDINGS = {"success": "done", "abort": "aborted", "fail": "failed"}


@dataclass(frozen=True)
class RoundInfo:
    """The round that runs now."""

    arm: str
    number: int
    begun_t_ns: int
    ends_t_ns: int
    slots: int


class Ledger:
    """The books of one run (a later `start` begins new ones)."""

    def __init__(self) -> None:
        self.start: Start | None = None
        self.stop: Stop | None = None
        self.state = "idle"
        self.reason = ""
        self.phase_ends_t_ns: int | None = None
        self.phase_begun_t_ns = 0
        self.arms: dict[str, ArmBooks] = {}
        self.descriptors: dict[str, Descriptor] = {}
        self.meters: dict[str, EnergyMeter] = {}
        self.slow: dict[str, float | int | str | None] = {}
        self.newest_t_ns = 0
        self.last_sample_t_ns: int | None = None
        self.baseline_watts: float | None = None
        self._active: str | None = None
        self._settle_at_ns: int | None = None

    def add(self, document: Document) -> None:
        """Enter one document."""
        match document:
            case Start():
                self._begin(document)
            case Descriptor():
                self.descriptors[document.stream] = document
            case Page():
                self._page(document)
            case Mark():
                self.newest_t_ns = max(self.newest_t_ns, document.end_t_ns or document.t_ns)
                self._mark(document)
            case Stop():
                self._end(document)
            case _ as never:
                assert_never(never)

    def _begin(self, start: Start) -> None:
        self.__init__()  # type: ignore[misc]  # a new run: everything afresh, by the one list of what there is
        self.start, self.state = start, "preparing"
        reasons = ["simulated"] if any(start.simulated.values()) else []
        for arm in start.arms:
            self.arms[arm.label] = ArmBooks(label=arm.label, name=arm.name, reasons=reasons)

    def _end(self, stop: Stop) -> None:
        self._settle()
        self.newest_t_ns = max(self.newest_t_ns, stop.t_ns)
        self.stop, self.state, self.reason = stop, ENDINGS[stop.exit_status], stop.reason
        self._active = None

    # -- pages

    def _page(self, page: Page) -> None:
        if not page.t_ns:
            return
        descriptor = self.descriptors.get(page.stream)
        if page.stream.startswith("text."):
            self._text(page)
        elif page.stream.endswith(".slow"):
            self.slow.update({name: column[-1] for name, column in page.data.items()})
        elif descriptor is not None and descriptor.device is not None and "." not in page.stream:
            self._samples(page)

    def _text(self, page: Page) -> None:
        books = self.arms.get(page.stream.removeprefix("text."))
        if books is None:
            return
        for t_ns, request, tokens in zip(page.t_ns, page.data["request"], page.data["tokens"], strict=True):
            if isinstance(request, int) and isinstance(tokens, int):
                books.chunk(request, t_ns, tokens)
        self.newest_t_ns = max(self.newest_t_ns, page.t_ns[-1])

    def _samples(self, page: Page) -> None:
        meter = self.meters.get(page.stream) or self._new_meter(page.stream)
        nothing = [None] * len(page.t_ns)
        instant = page.data.get("power_instant_watts", nothing)
        average = page.data.get("power_average_watts", nothing)
        joules = page.data.get("energy_joules", nothing)
        for t_ns, a, b, c in zip(page.t_ns, instant, average, joules, strict=True):
            meter.add(t_ns, instant=_number(a), average=_number(b), joules=_number(c))
        self.newest_t_ns = max(self.newest_t_ns, page.t_ns[-1])
        if any(value is not None for column in page.data.values() for value in column[-1:]):
            self.last_sample_t_ns = page.t_ns[-1]

        if self._settle_at_ns is not None and page.t_ns[-1] >= self._settle_at_ns:
            self._settle()

    def _new_meter(self, stream: str) -> EnergyMeter:
        """A meter that knows what the device's descriptor says of its sensors."""
        columns = self.descriptors[stream].columns.items()
        windows = {name: column.window_ns for name, column in columns if column.window_ns is not None}
        return self.meters.setdefault(stream, EnergyMeter(windows))

    # -- marks

    def _mark(self, mark: Mark) -> None:
        match mark.kind:
            case MarkKind.PHASE:
                self._phase(mark)
            case MarkKind.ARM:
                self._arm_state(mark)
            case MarkKind.ROUND_BEGIN:
                self._round_begin(mark)
            case MarkKind.ROUND_END:
                self._round_end(mark)
            case _:
                self._request(mark)

    def _phase(self, mark: Mark) -> None:
        if self.state == "baseline":
            watts = [meter.snapped(self.phase_begun_t_ns, mark.t_ns).mean_watts for meter in self.meters.values()]
            self.baseline_watts = sum(w for w in watts if w is not None) if any(watts) else None
        self.state = mark.state or self.state
        self.phase_begun_t_ns = mark.t_ns
        ends = mark.data.get("ends_t_ns")
        self.phase_ends_t_ns = ends if isinstance(ends, int) else None

    def _arm_state(self, mark: Mark) -> None:
        books = self.arms.get(mark.arm or "")
        if books is not None:
            books.state, books.reason = mark.state or books.state, mark.text or ""

    def _round_begin(self, mark: Mark) -> None:
        self._settle()
        books = self.arms.get(mark.arm or "")
        slots, ends = mark.data.get("slots"), mark.data.get("ends_t_ns")
        if books is None or mark.round is None or not isinstance(slots, int) or not isinstance(ends, int):
            return
        books.rounds.append(RoundBooks(mark.round, mark.t_ns, ends, slots))
        self._active = books.label

    def _round_end(self, mark: Mark) -> None:
        books = self.arms.get(mark.arm or "")
        if books is None or not books.rounds or books.rounds[-1].number != mark.round:
            return
        last = books.rounds[-1]
        last.cutoff_ns, last.drained_ns = mark.t_ns, mark.end_t_ns
        last.complete = mark.data.get("complete") is not False
        self._active = None
        self._settle_at_ns = (mark.end_t_ns or mark.t_ns) + _SETTLE_NS

    def _request(self, mark: Mark) -> None:
        books = self.arms.get(mark.arm or "")
        if books is None or mark.request is None:
            return
        match mark.kind:
            case MarkKind.REQUEST_SUBMITTED:
                books.submitted(mark.request, mark.t_ns, mark.round or 0, mark.text or "")
            case MarkKind.REQUEST_FIRST_TOKEN:
                books.first_token(mark.request, mark.t_ns)
            case MarkKind.REQUEST_FINISHED:
                tokens = mark.data.get("completion_tokens")
                books.ended(mark.request, completion_tokens=tokens if isinstance(tokens, int) else 0)
            case MarkKind.REQUEST_FAILED:
                books.ended(mark.request, completion_tokens=None)
            case _:
                pass

    def _settle(self) -> None:
        """Close the books of finished rounds and forget the samples that only they needed."""
        self._settle_at_ns = None
        for books in self.arms.values():
            if books.rounds and books.rounds[-1].settled is None:
                books.settle(self.meter, self.newest_t_ns)
        for meter in self.meters.values():
            meter.forget_before(self.newest_t_ns - _KEPT_NS)

    # -- figures

    @property
    def meter(self) -> EnergyMeter | None:
        """The device that the arms take turns on (the first one), None without a power sensor."""
        return next(iter(self.meters.values()), None)

    @property
    def rounds_planned(self) -> int:
        """How many rounds the demo has, over all arms."""
        schedule = self.start.demo.get("schedule") if self.start else None
        rounds = schedule.get("rounds") if isinstance(schedule, dict) else None
        return rounds if isinstance(rounds, int) else 0

    @property
    def current_round(self) -> RoundInfo | None:
        """The round that runs now, None between rounds."""
        if self._active is None:
            return None
        last = self.arms[self._active].rounds[-1]
        return RoundInfo(self._active, last.number, last.begun_ns, last.ends_ns, last.slots)

    def figures(self, label: str) -> ArmFigures:
        """The pooled `ArmFigures` of arm `label` as of the newest document."""
        return self.arms[label].figures(self.meter, self.newest_t_ns)

    def live(self, label: str, now_ns: int) -> tuple[float | None, float | None]:
        """Watts and tokens per second of arm `label`: the last second while active, else its last turn's mean."""
        books = self.arms[label]
        if self._active == label and books.rounds:
            last, since = books.rounds[-1], max(books.rounds[-1].begun_ns, now_ns - NS)
            watts = self.meter.recent_watts(since, now_ns) if self.meter else None
            span = (now_ns - since) / NS
            return watts, last.tokens_between(since, now_ns) / span if span > 0.2 else None
        rounds = books.round_figures(self.meter, self.newest_t_ns)
        return (rounds[-1].power_mean_watts, rounds[-1].tokens_per_second) if rounds else (None, None)

    def verdicts(self, metric: str) -> list[Verdict]:
        """Each contender against the first arm in `metric`, where there are blocks enough."""
        first, *others = self.arms.values()
        found = (self._judge(metric, first, other) for other in others)
        return [verdict for verdict in found if verdict is not None]

    def verdict(self) -> Verdict | None:
        """The verdict on screen: energy per token, or tokens per second where energy is unknown."""
        if len(self.arms) < 2:
            return None
        metric = "joules_per_token" if self.meter is not None else "tokens_per_second"
        return next(iter(self.verdicts(metric)), None)

    def _judge(self, metric: str, first: ArmBooks, other: ArmBooks) -> Verdict | None:
        now = self.newest_t_ns
        values = [
            [getattr(figures, metric) if figures else None for figures in arm.finished_rounds(self.meter, now)]
            for arm in (first, other)
        ]
        return judge(metric, (first.label, values[0]), (other.label, values[1]))

    def summaries(self) -> list[dict[str, Any]]:
        """Every arm's summary, as `compare --json` and the `stop` document have it."""
        now, idle = self.newest_t_ns, self.baseline_watts
        return [summary(books, self.meter, now, idle) for books in self.arms.values()]


def _number(cell: float | int | str | None) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None
