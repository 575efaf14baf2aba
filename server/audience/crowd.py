"""The audience's load: which phone has asked what, how far its answer is, and how much more is taken. No I/O.

The race asks the questions; here documents tell what became of them.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from engine.clock import NS, Clock
from engine.documents import Document, Mark, MarkKind, Page, Start, Stop
from engine.errors import WattraceError
from engine.workload import STAGE

OFFERED = 6
MOST_PENDING = 64
"""Questions that are on their way to an answer; a hall of 500 takes turns."""
MOST_NEAR = MOST_PENDING // 2
"""So many of them from one address: who has many numbers leaves places to the others."""
EVERY_SECONDS = 10
"""A phone asks once in so long, and never before its last answer is there."""
_LOST_SECONDS = 180
_KEPT = 1000
_TEXT = 600
"""Characters of an answer that its phone gets."""
_PENDING = frozenset({"waiting", "asked", "answering"})


class Shut(WattraceError):
    """The presenter takes no questions now."""

    def __str__(self) -> str:
        return "no questions are taken now"


class BadPrompt(WattraceError):
    """It is none of those that are offered."""

    def __str__(self) -> str:
        return "choose one of the offered questions by its number"


class TooSoon(WattraceError):
    """This phone has asked a moment ago, or too many wait: again after `seconds`."""

    def __init__(self, sentence: str, seconds: float) -> None:
        super().__init__(sentence)
        self.seconds = seconds


@dataclass
class Asked:
    """One question, from the phone that sent it to its last word."""

    number: int
    phone: str
    prompt: str
    sent_ns: int
    address: str = ""
    state: str = "waiting"
    """`waiting` for a turn, `asked` of the arm, `answering`, `answered`, `failed`."""
    arm: str | None = None
    text: str = ""


class Crowd:
    """Questions by number, and each phone's newest."""

    def __init__(self, clock: Clock) -> None:
        self.open = False
        self.prompts: tuple[str, ...] = ()
        self._clock = clock
        self._number = 0
        self._offers = 0
        self._begin_run()

    def _begin_run(self) -> None:
        self._asked: OrderedDict[int, Asked] = OrderedDict()
        self._newest: dict[str, Asked] = {}
        self._requests: dict[int, Asked] = {}
        self._sent = self._answered = self._most = 0

    # -- the presenter's and the phones'

    def set_open(self, wanted: bool) -> None:
        """Take questions, from a fresh choice of prompts, or no more; what was sent is answered all the same."""
        if wanted and not self.open:
            step = len(STAGE) // OFFERED
            self.prompts = tuple(STAGE[(self._offers + place * step) % len(STAGE)] for place in range(OFFERED))
            self._offers += 1
        self.open = wanted

    def ask(self, phone: str, index: int, address: str = "") -> Asked:
        """Enter a question of `phone`, at `address` where that is known. Raises Shut, BadPrompt or TooSoon."""
        if not self.open:
            raise Shut
        if not 0 <= index < len(self.prompts):
            raise BadPrompt
        self._give_up_the_lost()
        now_ns, last = self._clock.now_ns(), self._newest.get(phone)
        if last is not None:
            left = EVERY_SECONDS - (now_ns - last.sent_ns) / NS
            if left > 0 or last.state in _PENDING:
                raise TooSoon("your last question is not that old; wait a moment", max(1.0, left))
        pending = self._pending()
        near = sum(other.address == address != "" for other in pending)
        if len(pending) >= MOST_PENDING or near >= MOST_NEAR:
            raise TooSoon("the arm has its hands full with the hall's questions; try again in a moment", 3.0)
        self._number += 1
        self._sent += 1
        asked = Asked(self._number, phone, self.prompts[index], now_ns, address)
        self._asked[asked.number] = self._newest[phone] = asked
        while len(self._asked) > _KEPT:
            self._forget(next(iter(self._asked.values())))
        return asked

    def take_back(self, asked: Asked) -> None:
        """It could not be sent on."""
        self._forget(asked)
        self._sent -= 1

    def mine(self, phone: str) -> dict[str, Any] | None:
        """What became of the newest question of `phone`."""
        asked = self._newest.get(phone)
        if asked is None:
            return None
        pending = [other.number for other in self._pending() if other.state != "answering"]
        ahead = sum(number < asked.number for number in pending)
        wait = EVERY_SECONDS - (self._clock.now_ns() - asked.sent_ns) / NS
        return {
            "prompt": asked.prompt,
            "state": asked.state,
            "arm": asked.arm,
            "ahead": ahead if asked.state in {"waiting", "asked"} else 0,
            "text": asked.text,
            "again_seconds": max(0, round(wait)),
        }

    def payload(self) -> dict[str, Any] | None:
        """What the stream has of it; None while it is off and nothing was asked in this run."""
        if not self.open and not self._sent:
            return None
        running = self._running()
        return {
            "open": self.open,
            "prompts": list(self.prompts) if self.open else [],
            "sent": self._sent,
            "running": running,
            "most": self._most,
            "waiting": len(self._pending()) - running,
            "answered": self._answered,
        }

    # -- what the race tells

    def add(self, document: Document) -> None:
        """One document of the race."""
        match document:
            case Start():
                self._begin_run()
            case Mark() if document.request is not None:
                self._mark(document, document.request)
            case Page() if document.stream.startswith("text.") and self._requests:
                self._page(document)
            case Stop():
                for asked in self._pending():
                    self._over(asked, "failed")
            case _:
                pass

    def _mark(self, mark: Mark, request: int) -> None:
        if mark.kind is MarkKind.REQUEST_SUBMITTED:
            number = mark.data.get("crowd")
            if isinstance(number, int) and (asked := self._asked.get(number)) and asked.state == "waiting":
                asked.state, asked.arm = "asked", mark.arm
                self._requests[request] = asked
            return
        asked = self._requests.get(request)
        if asked is None:
            return
        match mark.kind:
            case MarkKind.REQUEST_FIRST_TOKEN:
                asked.state = "answering"
                self._most = max(self._most, self._running())
            case MarkKind.REQUEST_FINISHED:
                self._answered += 1
                self._over(asked, "answered")
            case MarkKind.REQUEST_FAILED if mark.state == "withdrawn":  # the next turn asks it again
                del self._requests[request]
                asked.state, asked.arm = "waiting", None
            case MarkKind.REQUEST_FAILED:
                self._over(asked, "failed")
            case _:
                pass

    def _page(self, page: Page) -> None:
        for request, text in zip(page.data.get("request", ()), page.data.get("text", ()), strict=False):
            asked = self._requests.get(request) if isinstance(request, int) else None
            if asked is not None and isinstance(text, str):
                asked.text = (asked.text + text)[:_TEXT]

    # -- within

    def _running(self) -> int:
        return sum(asked.state == "answering" for asked in self._requests.values())

    def _pending(self) -> list[Asked]:
        return [asked for asked in self._asked.values() if asked.state in _PENDING]

    def _over(self, asked: Asked, state: str) -> None:
        asked.state = state
        self._requests = {request: other for request, other in self._requests.items() if other is not asked}

    def _forget(self, asked: Asked) -> None:
        self._over(asked, "failed")
        self._asked.pop(asked.number, None)
        if self._newest.get(asked.phone) is asked:
            del self._newest[asked.phone]

    def _give_up_the_lost(self) -> None:
        """What nobody has told about for minutes must not hold a place for ever."""
        old_ns = self._clock.now_ns() - _LOST_SECONDS * NS
        for asked in self._pending():
            if asked.sent_ns < old_ns:
                self._over(asked, "failed")
