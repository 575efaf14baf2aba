"""What must be true of any recording, document by document: streams, clocks, gaps, counts, rounds, requests. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from itertools import pairwise

import orjson

from engine.clock import NS
from engine.documents import Cell, Column, Descriptor, Document, Mark, MarkKind, Page, Start, Stop
from engine.recording.findings import Report, StreamFacts

_GAP_PERIODS = 5
_LEAST_GAP_NS = NS // 10
"""Rows that are further apart than five periods, and a tenth of a second, leave a gap."""

_SINCE_SEALED = 2


class Scrutiny:
    """Sees every document of one recording in order, and says in `report` what cannot be."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self._line = 0
        self._descriptors: dict[str, Descriptor] = {}
        self._arms: set[str] = set()
        self._gaps: list[tuple[str, int, int]] = []
        self._told_gaps: list[tuple[str, int, int]] = []
        self._rounds: dict[tuple[str | None, int | None], int | None] = {}
        self._requests: dict[int, list[int]] = {}
        self._open: set[int] = set()
        self._unknown: set[tuple[str, str]] = set()

    def see(self, document: Document, line: int) -> None:
        """The next document."""
        self._line = line
        match document:
            case Start():
                self._start(document)
            case Descriptor():
                self._descriptors[document.stream] = document
                self._facts(document.stream).period_ns = document.nominal_period_ns
            case Page():
                self._page(document)
            case Mark():
                self._mark(document)
            case Stop():
                self._stop(document)

    def end(self) -> None:
        """No document is left: gaps that nobody told of are told."""
        told: dict[str, list[tuple[int, int]]] = {}
        for stream, begin, end in self._told_gaps:
            told.setdefault(stream.partition(".")[0], []).append((begin, end))
        for stream, begin, end in self._gaps:
            known = told.get(stream.partition(".")[0], ())
            if not any(first <= end and last >= begin for first, last in known):
                self._facts(stream).untold_gaps += 1
                seconds = (end - begin) / NS
                self._warn("untold_gap", f"{stream} has no rows for {seconds:.3f} s from {begin / NS:.3f} s on")

    def _error(self, code: str, text: str) -> None:
        self.report.add("error", code, text, self._line)

    def _warn(self, code: str, text: str) -> None:
        self.report.add("warning", code, text)

    def _facts(self, stream: str) -> StreamFacts:
        return self.report.streams.setdefault(stream, StreamFacts())

    # -- documents

    def _start(self, start: Start) -> None:
        self._arms = {arm.label for arm in start.arms}
        if len(self._arms) < len(start.arms):
            self._error("arms", "two arms have the same letter")
        try:
            datetime.fromisoformat(start.utc)
        except ValueError:
            self._error("utc", f"utc is {start.utc!r}, which is no time")
        told = start.provenance.get("demo_sha256")
        if start.schema_version >= _SINCE_SEALED and told is not None and told != demo_digest(start.demo):
            self._error("demo_sha256", "demo_sha256 is not the digest of the demo that it stands beside")

    def _page(self, page: Page) -> None:
        described, facts = self._descriptors.get(page.stream), self._facts(page.stream)
        if described is None:
            self._error("undescribed", f"a page of {page.stream}, which no descriptor told of")
        else:
            self._columns(page, described)
        if not page.t_ns:
            return
        first, last = page.t_ns[0], page.t_ns[-1]
        if facts.last_t_ns is not None and first < facts.last_t_ns:
            self._error("clock", f"{page.stream} goes back in time, by {(facts.last_t_ns - first) / NS:.6f} s")
        if described is not None and described.arm is None:  # what arms tell comes as it comes
            self._spacing(page, facts)
        facts.rows += len(page.t_ns)
        facts.first_t_ns = first if facts.first_t_ns is None else facts.first_t_ns
        facts.last_t_ns = last
        self.report.newest_t_ns = max(self.report.newest_t_ns, last)

    def _columns(self, page: Page, described: Descriptor) -> None:
        for name, cells in page.data.items():
            column = described.columns.get(name)
            if column is None and (page.stream, name) not in self._unknown:
                self._unknown.add((page.stream, name))
                self._error("columns", f"{page.stream} has a column {name}, which its descriptor lacks")
            elif column is not None and not _of_kind(cells, column):
                self._error("kind", f"{page.stream}: {name} holds what is no {column.kind}")

    def _spacing(self, page: Page, facts: StreamFacts) -> None:
        if facts.period_ns is None:
            return
        limit = max(_GAP_PERIODS * facts.period_ns, _LEAST_GAP_NS)
        times = page.t_ns if facts.last_t_ns is None else [facts.last_t_ns, *page.t_ns]
        if times[-1] - times[0] <= limit:
            return
        for earlier, later in pairwise(times):
            if later - earlier > limit:
                facts.gaps += 1
                facts.longest_gap_ns = max(facts.longest_gap_ns, later - earlier)
                self._gaps.append((page.stream, earlier, later))

    def _mark(self, mark: Mark) -> None:
        end_ns = mark.t_ns if mark.end_t_ns is None else mark.end_t_ns
        self.report.newest_t_ns = max(self.report.newest_t_ns, end_ns)
        if end_ns < mark.t_ns:
            self._error("clock", f"a {mark.kind} ends before it begins")
        if mark.arm is not None and mark.arm not in self._arms:
            self._error("arms", f"a {mark.kind} of arm {mark.arm}, which the start does not have")
        match mark.kind:
            case MarkKind.GAP:
                self._told_gaps.append((str(mark.data.get("stream")), mark.t_ns, end_ns))
            case MarkKind.NOTE:
                self._another_rate(mark)
            case MarkKind.ROUND_BEGIN | MarkKind.ROUND_END:
                self._round(mark)
            case _:
                if mark.request is not None:
                    self._request(mark, mark.request)

    def _another_rate(self, mark: Mark) -> None:
        stream, rate_hz = mark.data.get("stream"), mark.data.get("rate_hz")
        if isinstance(stream, str) and isinstance(rate_hz, int) and rate_hz > 0:
            self._facts(stream).period_ns = NS // rate_hz

    def _round(self, mark: Mark) -> None:
        name = f"round {mark.round} of arm {mark.arm}"
        begun = self._rounds.get((mark.arm, mark.round), -1)
        if mark.kind is MarkKind.ROUND_BEGIN:
            self.report.rounds += 1
            if begun != -1:
                self._error("rounds", f"{name} begins twice")
            self._rounds[mark.arm, mark.round] = mark.t_ns
            return
        if begun is None or begun == -1:
            self._error("rounds", f"{name} ends, but did not begin")
        elif mark.t_ns < begun:
            self._error("rounds", f"{name} ends before it begins")
        self._rounds[mark.arm, mark.round] = None

    def _request(self, mark: Mark, request: int) -> None:
        if mark.kind is MarkKind.REQUEST_SUBMITTED:
            self.report.requests += 1
            if request in self._requests:
                self._error("requests", f"request {request} is submitted twice")
            self._requests[request] = [mark.t_ns]
            self._open.add(request)
            return
        times = self._requests.get(request)
        if times is None:
            self._error("requests", f"{mark.kind} of request {request}, which was not submitted")
            return
        if mark.t_ns < times[-1]:
            self._error("requests", f"{mark.kind} of request {request} is before what came before it")
        times[:] = [mark.t_ns]
        if mark.kind in (MarkKind.REQUEST_FINISHED, MarkKind.REQUEST_FAILED):
            self._open.discard(request)

    def _stop(self, stop: Stop) -> None:
        rows = {stream: facts.rows for stream, facts in self.report.streams.items() if facts.rows}
        counted = {stream: number for stream, number in stop.counts.items() if number}
        for stream in sorted(rows.keys() | counted.keys()):
            if rows.get(stream, 0) != counted.get(stream, 0):
                said, there = counted.get(stream, 0), rows.get(stream, 0)
                self._error("counts", f"{stream} has {there:,} rows, the stop counts {said:,}")
        if stop.t_ns < self.report.newest_t_ns:
            late = (self.report.newest_t_ns - stop.t_ns) / NS
            self._warn("after_stop", f"something is told to have happened {late:.3f} s after the stop")
        if stop.exit_status == "success":
            still = [f"{number} of {arm}" for (arm, number), begun in self._rounds.items() if begun is not None]
            if still:
                self._error("rounds", f"rounds that never end: {', '.join(still)}")
            if self._open:
                self._warn("requests", f"{len(self._open)} requests never end, the first of them {min(self._open)}")


def demo_digest(demo: Mapping[str, object]) -> str:
    """The SHA-256 of a demo as a start document has it, without the short name that it was found by."""
    told = {key: value for key, value in demo.items() if key != "name"}
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _of_kind(cells: Iterable[Cell], column: Column) -> bool:
    kinds = set(map(type, cells)) - {type(None)}
    return kinds <= ({str} if column.kind == "text" else {int, float})
