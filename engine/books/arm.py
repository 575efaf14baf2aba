"""One arm's books: its requests and its rounds, and the figures that they add up to. Pure."""

from collections.abc import Iterable, Sequence

from engine.books.figures import ArmFigures, Percentiles, RoundFigures, over
from engine.books.flow import Flow
from engine.books.instruments import Instruments
from engine.books.pool import Pool
from engine.books.round import RoundBooks, flagged
from engine.books.spread import Spread
from engine.books.work import Answer, Latencies, RequestTimes, Work
from engine.clock import NS
from engine.documents import ArmInfo, Cell, Mark
from engine.validity import Reason

_NOTHING = Instruments()


class ArmBooks:
    """All that documents have said about one arm. `reasons` are true of all its figures."""

    def __init__(self, info: ArmInfo, *, reasons: Sequence[str] = ()) -> None:
        self.info, self.label, self.name = info, info.label, info.name
        self.state, self.reason = "pending", ""
        self.stage = ""
        self.progress: float | None = None
        """What it is doing while it starts, and how much of that is over, where its log tells."""
        self.last_words: list[str] = []
        """The end of its log, once it has failed."""
        self.rounds: list[RoundBooks] = []
        self.requests: dict[int, RequestTimes] = {}
        self.finished = 0
        self.completion_tokens = 0
        self.failed = 0
        self.waiting: int | None = None
        """Requests queued in the server, by its own count."""
        self.computing: int | None = None
        """Requests computed at once, by the server's own newest count; None: it does not tell."""
        self.instruments = _NOTHING
        self._pool, self._pooled = Pool(), 0
        self._all, self._itl = Latencies(), Spread()
        self._reasons = list(reasons)

    @property
    def running(self) -> int:
        """Requests that have had their first token and are not finished."""
        return sum(1 for times in self.requests.values() if times.first_ns is not None)

    @property
    def active(self) -> bool:
        """Whether one of its rounds is running."""
        return bool(self.rounds) and self.rounds[-1].cutoff_ns is None and self.rounds[-1].settled is None

    def turned(self, mark: Mark) -> None:
        """It is in another state, or further in its start."""
        self.state, self.reason = mark.state or self.state, mark.text or ""
        stage, share, words = (mark.data.get(name) for name in ("stage", "progress", "log_tail"))
        self.stage = stage if isinstance(stage, str) else ""
        self.progress = float(share) if isinstance(share, int | float) else None
        self.last_words = [str(word) for word in words] if isinstance(words, list) else []
        if self.state != "active":
            self.computing = None  # what it said of its turn is over; until its next word its clients know better

    def begin(self, books: RoundBooks) -> None:
        """A round of this arm begins."""
        books.unit = self.info.unit
        books.work = Work(Flow(continuous=self.info.runtime == "command"))
        self.rounds.append(books)

    # -- requests

    def submitted(self, request: int, t_ns: int, number: int, prompt: str) -> None:
        """A request was sent."""
        self.requests[request] = RequestTimes(t_ns, number, prompt)

    def first_token(self, request: int, t_ns: int) -> None:
        """Its first token came."""
        times = self.requests.get(request)
        if times is None:
            return
        times.first_ns = t_ns
        if last := self._round(times.round):
            for latencies in self._told(last):
                latencies.ttft.append((t_ns - times.submitted_ns) / NS)
            last.first_token(t_ns)

    def chunks(self, rows: Iterable[tuple[int, Cell, Cell]]) -> None:
        """Pieces of answers came: of each its time, its request, and how many tokens it has."""
        work, requests = self.rounds[-1].work if self.rounds else None, self.requests
        for t_ns, request, tokens in rows:
            if not isinstance(request, int) or not isinstance(tokens, int):
                continue
            times = requests.get(request)
            if times is not None:
                if times.last_ns is not None and tokens and work is not None:
                    work.latencies.itl.append((t_ns - times.last_ns) / NS)
                times.last_ns = t_ns
            if work is not None and tokens:
                work.flow.add(t_ns, tokens)

    def progressed(self, t_ns: int, units: float) -> None:
        """A command told of work."""
        if self.active:
            self.rounds[-1].progressed(t_ns, units)

    def polled(self, t_ns: int, running: float | None, waiting: float | None) -> None:
        """The server told how many requests it computes and how many wait."""
        self.waiting = None if waiting is None else round(waiting)
        self.computing = None if running is None else round(running)
        if running is not None and self.active and (work := self.rounds[-1].work):
            work.polls.append((t_ns, running))

    def ended(self, request: int, *, completion_tokens: int | None, prompt_tokens: int = 0) -> None:
        """A request is over; None tokens: it failed or was withdrawn."""
        times = self.requests.pop(request, None)
        finished = completion_tokens is not None
        if times is not None and times.first_ns is not None and (books := self._round(times.round)):
            answer = Answer(times.first_ns, times.last_ns or times.first_ns, prompt_tokens, finished)
            if books.work is not None:
                books.work.answers.append(answer)
            for latencies in self._told(books) if finished else ():
                latencies.e2e.append((answer.last_ns - times.submitted_ns) / NS)
        self.failed += not finished
        self.finished += finished
        self.completion_tokens += completion_tokens or 0

    def _told(self, books: RoundBooks) -> list[Latencies]:
        """Where a latency of that round is entered: with those of all rounds, and with its own while it has them."""
        return [self._all] if books.work is None else [self._all, books.work.latencies]

    def _round(self, number: int) -> RoundBooks | None:
        return self.rounds[-1] if self.rounds and self.rounds[-1].number == number else None

    # -- figures

    def add_reason(self, reason: str) -> None:
        """Something became known that is true of all its figures."""
        if reason not in self._reasons:
            self._reasons.append(reason)

    def flag(self, reason: Reason, begin_ns: int, end_ns: int | None) -> None:
        """Something became known of a span that may lie in rounds whose books are closed."""
        for books in self.rounds:
            if books.settled is None or books.drained_ns is None:
                continue
            if books.drained_ns >= begin_ns and (end_ns is None or books.begun_ns <= end_ns):
                books.settled = flagged(books.settled, reason)
        self._pool, self._pooled = Pool(), 0

    def settle(self, now_ns: int) -> None:
        """Close the books of the last round, if it is over."""
        if not self.rounds or self.rounds[-1].cutoff_ns is None or self.rounds[-1].settled is not None:
            return
        last, work = self.rounds[-1], self.rounds[-1].work
        last.settle(self.instruments, now_ns)
        if work is not None:
            self._itl.add(work.latencies.itl)
            del work.latencies.itl[:]

    def round_figures(self, now_ns: int) -> list[RoundFigures]:
        """Figures of every round that has reached its steady state."""
        all_rounds = (books.figures(self.instruments, now_ns) for books in self.rounds)
        return [figures for figures in all_rounds if figures is not None]

    def newest_figures(self, now_ns: int) -> RoundFigures | None:
        """Figures of the newest round that has reached its steady state."""
        found = (books.figures(self.instruments, now_ns) for books in reversed(self.rounds))
        return next((figures for figures in found if figures is not None), None)

    def finished_rounds(self, now_ns: int) -> list[RoundFigures | None]:
        """Figures of the rounds in their order; None for one that never got full, or was cut short."""
        over_now = (books for books in self.rounds if books.cutoff_ns is not None)
        return [books.figures(self.instruments, now_ns) if books.complete else None for books in over_now]

    def figures(self, now_ns: int) -> ArmFigures:
        """The pooled figures at `now_ns`."""
        pool = self._closed().copy()
        for books in self.rounds[self._pooled :]:
            if (figures := books.figures(self.instruments, now_ns)) is not None:
                pool.add(figures)
        known = pool.measured > 0
        return ArmFigures(
            rounds=sum(1 for books in self.rounds if books.cutoff_ns is not None),
            units=pool.units,
            seconds=pool.seconds,
            energy_joules=pool.joules if known else None,
            energy_above_idle_joules=pool.above_idle_joules if pool.is_whole else None,
            uncertainty_joules=pool.uncertainty_joules if known else None,
            joules_per_unit=over(pool.joules if known else None, pool.measured_units),
            power_mean_watts=over(pool.watt_seconds, pool.powered_seconds),
            power_peak_watts=pool.peak_watts,
            units_per_second=over(pool.units, pool.seconds),
            running=self.running,
            reasons=self._all_reasons(pool),
            measured_units=pool.measured_units,
            is_whole=pool.is_whole,
        )

    def _closed(self) -> Pool:
        """The rounds whose books are closed, added up once."""
        while self._pooled < len(self.rounds) - 1:  # the last one may still change
            if (settled := self.rounds[self._pooled].settled) is not None:
                self._pool.add(settled)
            self._pooled += 1
        return self._pool

    def _all_reasons(self, pool: Pool) -> list[str]:
        """Codes of what a reader must know about these figures."""
        cut = [Reason.INCOMPLETE_ROUND] if any(not books.complete for books in self.rounds) else []
        return list(dict.fromkeys([*self._reasons, *cut, *pool.reasons]))

    def latencies(self) -> dict[str, Percentiles | None]:
        """Percentiles over all rounds: of requests exactly, of pauses between tokens to half a percent."""
        itl = self._itl.copy()
        for books in self.rounds:
            itl.add(books.work.latencies.itl if books.work else ())
        return {**self._all.percentiles(), "itl_seconds": itl.percentiles()}
