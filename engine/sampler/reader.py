"""One device's reading loop: samples on absolute deadlines, pages every 50 ms, a mark for whatever was amiss.

Every device has a reader with a thread of its own, since a driver call may block for seconds. What other
threads may use is said where it is defined; the rest belongs to the reader's thread.
"""

import threading
from collections.abc import Callable
from statistics import median

from pydantic import JsonValue

from engine.clock import NS, Clock
from engine.documents import Descriptor, Mark, MarkKind, Page
from engine.sampler.deadlines import RATES_HZ, SENSIBLE_HZ, Deadlines, Pace
from engine.sampler.lanes import LONG_CALL_NS, Lanes, taken
from engine.sampler.outages import Outages
from engine.sources import Source

SLOW_HZ = 5
PAGE_SECONDS = 0.05
OWN_PAGES = 4
"""The sampler's own stream has a page with every so many of the device's."""

SLOW_SHARE = 0.1
"""Of a period: slow calls that together take less than this are made one after the other, while the caches are warm."""

PROBES = 9

Emit = Callable[[Descriptor | Page | Mark], None]


class Reader:
    """Reads `source` at `rate_hz`, or as near as its calls allow, and hands pages and marks to `emit`.

    `own_stream` is where it reports its lateness. `share` of a period, from 0 to 1, is how long it waits
    before its first sample, so that several readers do not all wake at once.
    """

    def __init__(
        self,
        source: Source,
        clock: Clock,
        emit: Emit,
        *,
        rate_hz: int = 100,
        walk: bool = True,
        own_stream: str = "sampler",
        share: float = 1.0,
        call_ns: float = 0,
    ) -> None:
        self.lanes = Lanes(source, clock, own_stream)
        self.name = self.lanes.fast.stream
        self._clock, self._emit, self._walk, self._share = clock, emit, walk, share
        self._data: dict[str, JsonValue] = {"stream": self.name, "device": source.device_id}
        self._outages = Outages(self.name, self._data)
        # Without power to read, only the slow lane is left.
        limit_hz = RATES_HZ[-1] if source.fast_columns else SENSIBLE_HZ[-1]
        self._now_ns = clock.now_ns
        now = self._last_ns = clock.now_ns()
        self.pace = Pace(rate_hz, now, call_ns=call_ns, limit_hz=limit_hz)
        self._handing_over, self._awake = threading.Lock(), threading.Event()
        self._turn = self._slow_turn = 0
        self._marks = [Mark(kind=MarkKind.NOTE, t_ns=now, text=text, data=self._data) for text in source.notes]
        if self.pace.hz < rate_hz:
            self._marks.append(self._pace_mark(rate_hz))
        self.calling_since_ns: int | None = None
        """When the call began that is now under way, None between calls; any thread may look."""

    def describe(self) -> list[Descriptor]:
        """A descriptor for each of its streams, in the order in which they are to be written."""
        now, period = self._clock.now_ns(), NS // max(1, self.pace.hz)
        return list(self.lanes.describe(t_ns=now, period_ns=period, slow_period_ns=self._slow_turns() * period))

    def ask(self, rate_hz: int) -> None:
        """Sample at `rate_hz` from the next page on, or sleep (0); any thread may ask."""
        self.pace.ask(rate_hz)
        self._awake.set()

    def wake(self) -> None:
        """Look again whether all is over, if it sleeps; any thread may."""
        self._awake.set()

    def run(self, ended: Callable[[], bool]) -> None:
        """Sample until `ended` says so, which is asked after every page."""
        while True:
            over = self._sample_steadily(ended) if self.pace.hz else self._rest(ended)
            if over:
                break
        self.hand_over(last=True)

    def hand_over(self, *, whole: bool = True, last: bool = False) -> None:
        """Emit the marks and rows since the last time; any thread may, and each stream's order is kept.

        Without `whole` the sampler's own stream waits for another time. After the `last` there will be none.
        """
        with self._handing_over:
            pages = self.lanes.take(self._outages.see)
            if self._outages.open:
                self._marks += self._outages.marks(self._clock.now_ns(), last=last)
            if whole:
                own, calls_ns = self.lanes.take_own()
                self.pace.called(calls_ns)
                pages += [own] if own else []
            for mark in taken(self._marks) if self._marks else ():
                self._emit(mark)
            for page in pages:
                self._emit(page)

    def hung_mark(self, since_ns: int, now_ns: int, *, over: bool) -> Mark:
        """The mark for a call that has not returned: a warning while it lasts, a gap when all is `over`."""
        return hung_mark(self._data, since_ns, now_ns, over=over)

    def missed(self, since_ns: int, facts: dict[str, JsonValue]) -> None:
        """Nothing was read since then, for the device has not answered until now; `facts` are about it.

        A row says so too: whoever adds energies up must not take the first reading for the beginning.
        """
        if self.lanes.fast.columns:
            self._emit(self.lanes.fast.page([since_ns], [[None]] * len(self.lanes.fast.columns)))
        why = "it answers now, its first driver call having taken {}"
        self._hole(since_ns, self._clock.now_ns(), why, provenance=facts)

    # -- the loop

    def _sample_steadily(self, ended: Callable[[], bool]) -> bool:
        """Sample until the end (True) or until another rate is due."""
        rate_hz = self.pace.hz
        page_turns, slow_turns = max(1, round(rate_hz * PAGE_SECONDS)), self._slow_turns()
        start = self._clock.now_ns() + round(NS * self._share / rate_hz)
        deadlines = Deadlines(start, rate_hz, walk=self._walk)
        due = deadlines.after(start)
        while True:
            self._clock.sleep_until(due)
            now = self._sample(due, self._turn % slow_turns)
            self._turn += 1
            if self._turn % page_turns == 0:
                changed = self._between_pages(whole=self._turn % (page_turns * OWN_PAGES) == 0)
                if ended():
                    return True
                if changed:
                    return False
                now = self._clock.now_ns()
            due = deadlines.after(now)

    def _sample(self, due_ns: int, slow_turn: int) -> int:
        """Take a sample, and make slow calls while some are left of the round; returns when that was done."""
        # A thousand times a second, and on cold caches: what can be done page by page is not done here.
        now_ns, lanes = self._now_ns, self.lanes
        begun = self.calling_since_ns = now_ns()
        answer = lanes.read_fast()
        over = now_ns()
        lanes.samples.append((due_ns, begun, over, answer))
        if slow_turn == 0 or self._slow_turn:  # another round, or the rest of one
            over = self._sample_slowly(over)
        self.calling_since_ns = None
        if over - self._last_ns > LONG_CALL_NS:
            self._held_up(begun, over)
        self._last_ns = over
        return over

    def _held_up(self, begun_ns: int, over_ns: int) -> None:
        """It has taken long until this sample, or the sample itself has."""
        if begun_ns - self._last_ns > LONG_CALL_NS:
            self._hole(self._last_ns, begun_ns, "nothing was read for {}: the sampler was held up")
        if over_ns - begun_ns > LONG_CALL_NS:
            self._hole(begun_ns, over_ns, "it answers again, after a driver call of {}")

    def _sample_slowly(self, since_ns: int) -> int:
        """Make the next slow call, and further ones while they cost little; returns when that was done."""
        calls = len(self.lanes.source.slow_calls)
        over, until = since_ns, since_ns + SLOW_SHARE * NS / max(1, self.pace.hz)
        while self._slow_turn < calls and over < until:
            self.lanes.read_slow(self._slow_turn)
            self._slow_turn += 1
            over = self._now_ns()
        self._slow_turn %= max(1, calls)
        return over

    def _between_pages(self, *, whole: bool) -> bool:
        """Hand over; True when the rate has changed."""
        asked = self.pace.asked_hz
        changed = self.pace.changes(self._now_ns())
        if changed:
            self._marks.append(self._pace_mark(asked))
        self.hand_over(whole=whole)
        return changed

    def _rest(self, ended: Callable[[], bool]) -> bool:
        """Sleep until samples are wanted again or all is over (True)."""
        begun, over = self._clock.now_ns(), False
        while not over and not self.pace.changes(self._clock.now_ns()):
            self._awake.wait()
            self._awake.clear()
            over = ended()
        self._last_ns = self._clock.now_ns()
        self._hole(begun, self._last_ns, "it was left alone for {}: nobody wanted samples")
        if not over:
            self._marks.append(self._pace_mark(self.pace.asked_hz))
        return over

    def _slow_turns(self) -> int:
        # One slow call a sample where they take long: with many the lane gets slower, never the sample.
        return max(1, self.pace.hz // SLOW_HZ, len(self.lanes.source.slow_calls))

    # -- marks

    def _hole(self, from_ns: int, to_ns: int, why: str, **more: JsonValue) -> None:
        text = f"{self.name}: {why.format(f'{(to_ns - from_ns) / NS:.2f} s')}"
        data = {**self._data, **more}
        self._marks.append(Mark(kind=MarkKind.GAP, t_ns=from_ns, end_t_ns=to_ns, text=text, data=data))

    def _pace_mark(self, asked_hz: int) -> Mark:
        """The rate has changed: a note if that was wanted, a warning if the device cannot give it."""
        hz, call_us = self.pace.hz, self.pace.call_ns / 1000
        data = {**self._data, "rate_hz": hz, "asked_hz": asked_hz, "call_microseconds": round(call_us, 1)}
        kind, text = MarkKind.NOTE, f"{self.name} is read at {hz} Hz from here on" if hz else f"{self.name} is not read"
        if hz < asked_hz:
            cause = f"a driver call takes {call_us:.0f} µs" if self.lanes.fast.columns else "it offers no power"
            kind, text = MarkKind.WARNING, f"{text}, not at {asked_hz}: {cause}"
        return Mark(kind=kind, t_ns=self._clock.now_ns(), text=text, data=data)


def hung_mark(data: dict[str, JsonValue], since_ns: int, now_ns: int, *, over: bool) -> Mark:
    """The mark for a driver call of `data["stream"]` that has not returned since then."""
    name = data["stream"]
    if over:
        text = f"{name}: its driver call had not returned when the sampler ended"
        return Mark(kind=MarkKind.GAP, t_ns=since_ns, end_t_ns=now_ns, text=text, data=data)
    text = f"{name} hangs: its driver call has not returned for {(now_ns - since_ns) / NS:.1f} s"
    return Mark(kind=MarkKind.WARNING, t_ns=now_ns, text=text, data={**data, "since_t_ns": since_ns})


def call_cost_ns(source: Source, clock: Clock) -> float:
    """How long a fast call takes now: the median of a few."""
    return median(_timed(source, clock) for _ in range(PROBES))


def _timed(source: Source, clock: Clock) -> int:
    begun = clock.now_ns()
    source.read_fast()
    return clock.now_ns() - begun
