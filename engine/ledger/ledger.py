"""The ledger: documents in, figures out. Live view, verdict, `compare` and replay all read this one.

It keeps what figures need and nothing else: the samples of the current round, and of finished rounds only what they
came to. The same documents in the same order give the same figures to the last bit, live or replayed.
"""

from collections import Counter
from typing import Any, assert_never

from engine.books import ArmBooks, Flag, RoundBooks
from engine.clock import NS
from engine.documents import Descriptor, Document, Mark, MarkKind, Page, Start, Stop
from engine.ledger.flags import flag_of
from engine.ledger.standings import Standings
from engine.sharing import divided_boards, shared_sensor
from engine.unknown import number
from engine.validity import Reason

_KEPT_NS = 2 * NS
"""Samples older than the current round's start by this are forgotten: enough for the live second."""

_SETTLE_NS = NS * 3 // 10
"""A round's books are closed when the sensors have told this much more: the tick after its end is in by then."""

ENDINGS = {"success": "done", "abort": "aborted", "fail": "failed"}


class Ledger(Standings):
    """The books of one run (a later `start` begins new ones)."""

    def add(self, document: Document) -> None:
        """Enter one document."""
        match document:
            case Start():
                self._begin(document)
            case Descriptor():
                self._describe(document)
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
        self.arms = {arm.label: ArmBooks(arm, reasons=reasons) for arm in start.arms}
        self.rig.devices_are_told = any(arm.devices for arm in start.arms)
        self._find_shared(start)

    def _find_shared(self, start: Start) -> None:
        """Arms that run at once on a device that they share: nobody can say whose its joules are."""
        schedule = start.demo.get("schedule")
        if not isinstance(schedule, dict) or schedule.get("mode", "alternate") == "alternate":
            return
        users = Counter(device for arm in start.arms for device in set(arm.devices))
        for arm in start.arms:
            if any(users[device] > 1 for device in arm.devices):
                self.rig.flag(Flag(Reason.SHARED_DEVICE, 0, None, arm=arm.label))

    def _describe(self, descriptor: Descriptor) -> None:
        self.rig.describe(descriptor)
        if self.start is not None and descriptor.device is not None and "." not in descriptor.stream:
            for reason in shared_sensor(descriptor, divided_boards(self.start)):
                self.rig.flag(Flag(reason, 0, None, descriptor.stream))

    def _end(self, stop: Stop) -> None:
        self._settle()
        self.newest_t_ns = max(self.newest_t_ns, stop.t_ns)
        self.stop, self.state, self.reason = stop, ENDINGS[stop.exit_status], stop.reason

    # -- pages

    def _page(self, page: Page) -> None:
        if not page.t_ns:
            return
        kind, _, label = page.stream.partition(".")
        books = self.arms.get(label)
        match kind:
            case "text" if books:
                books.chunks(_rows(page, "request", "tokens"))
            case "progress" if books:
                for t_ns, units in _rows(page, "units"):
                    if isinstance(units, int | float):
                        books.progressed(t_ns, units)
            case "vllm" if books:
                for t_ns, running, waiting in _rows(page, "running_requests", "waiting_requests"):
                    books.polled(t_ns, number(running), number(waiting))
            case _:
                self._readings(page)
                return
        self.newest_t_ns = max(self.newest_t_ns, page.t_ns[-1])

    def _readings(self, page: Page) -> None:
        if not self.rig.page(page):
            return
        self.newest_t_ns = max(self.newest_t_ns, page.t_ns[-1])
        if self._settle_at_ns is not None and self.rig.caught_up(self._settle_at_ns):
            self._settle()

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
            case MarkKind.WARNING | MarkKind.GAP:
                self._flag(flag_of(mark))
            case _:
                self._request(mark)

    def _phase(self, mark: Mark) -> None:
        if self.state == "baseline":
            self.rig.rest(self.phase_begun_t_ns, mark.t_ns)
        self.state = mark.state or self.state
        self.phase_begun_t_ns = mark.t_ns
        ends = mark.data.get("ends_t_ns")
        self.phase_ends_t_ns = ends if isinstance(ends, int) else None

    def _arm_state(self, mark: Mark) -> None:
        books = self.arms.get(mark.arm or "")
        if books is not None:
            books.turned(mark)

    def _round_begin(self, mark: Mark) -> None:
        self._settle()
        books = self.arms.get(mark.arm or "")
        slots, ends = mark.data.get("slots"), mark.data.get("ends_t_ns")
        if books is None or mark.round is None or not isinstance(slots, int):
            return
        fixed_work = isinstance(mark.data.get("requests"), int)
        ends_ns = ends if isinstance(ends, int) else None
        books.begin(RoundBooks(mark.round, mark.t_ns, ends_ns, slots, fixed_work=fixed_work))

    def _round_end(self, mark: Mark) -> None:
        books = self.arms.get(mark.arm or "")
        if books is None or not books.rounds or books.rounds[-1].number != mark.round:
            return
        last = books.rounds[-1]
        last.cutoff_ns, last.drained_ns = mark.t_ns, mark.end_t_ns
        last.complete = mark.data.get("complete") is not False
        if not any(arm.active for arm in self.arms.values()):
            self._settle_at_ns = (mark.end_t_ns or mark.t_ns) + _SETTLE_NS

    def _flag(self, flag: Flag | None) -> None:
        """A flag is about every round that its span touches, closed ones included."""
        if flag is None:
            return
        self.rig.flag(flag)
        for books in self.arms.values():
            if flag in self.rig.instruments(books.info).flags:
                books.flag(flag.reason, flag.begin_ns, flag.end_ns)

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
                tokens, prompt = mark.data.get("completion_tokens"), mark.data.get("prompt_tokens")
                if mark.data.get("estimated") is True:
                    books.add_reason(Reason.ESTIMATED_TOKENS)
                books.ended(
                    mark.request,
                    completion_tokens=tokens if isinstance(tokens, int) else 0,
                    prompt_tokens=prompt if isinstance(prompt, int) else 0,
                )
            case MarkKind.REQUEST_FAILED:
                books.ended(mark.request, completion_tokens=None)
            case _:
                pass

    def _settle(self) -> None:
        """Close the books of finished rounds and forget the samples that only they needed."""
        self._settle_at_ns = None
        for books in self.arms.values():
            books.instruments = self.rig.instruments(books.info)
            books.settle(self.newest_t_ns)
        begun = [books.rounds[-1].begun_ns for books in self.arms.values() if books.active]
        self.rig.forget_before(min([self.newest_t_ns, *begun]) - _KEPT_NS)


def _rows(page: Page, *names: str) -> "zip[tuple[Any, ...]]":
    """The page's rows, each its time and the columns called `names` (None where the page lacks one)."""
    nothing = [None] * len(page.t_ns)
    return zip(page.t_ns, *(page.data.get(name, nothing) for name in names), strict=True)
