"""What a round keeps: its counts, the requests under way, and how one request goes."""

import asyncio
from dataclasses import dataclass, field

from engine.clock import Clock
from engine.loadgen.crowd import Question
from engine.loadgen.stream import AnswerStream
from engine.workload import PromptOrder


@dataclass
class RoundLoad:
    """What one round put on its arm; times are the run's nanoseconds."""

    arm: str
    round: int
    begun_ns: int
    cutoff_ns: int = 0
    """From then on no request was begun."""
    drained_ns: int = 0
    submitted: int = 0
    finished: int = 0
    failed: int = 0
    withdrawn: int = 0
    prompt_tokens: int = 0
    """Of finished requests."""
    completion_tokens: int = 0
    """That arrived, those of failed requests included."""
    estimated: bool = False
    """Whether the server told no running usage, so that tokens are counted as chunks."""
    finished_ns: list[int] = field(default_factory=list)
    """When each finished request had its last token, in no order."""
    cut: bool = False
    """Whether somebody ended it before its time; what was under way has drained all the same."""
    problem: str | None = None
    """Why the round ended before its time, or did not drain; None when all went well."""

    @property
    def complete(self) -> bool:
        """Whether the round ran to its cutoff and every request finished or was withdrawn."""
        return self.problem is None and not self.cut

    def full_until_ns(self, slots: int) -> int:
        """Until when at least `slots` requests were still unfinished, for a round of a fixed number of them."""
        finished = sorted(self.finished_ns)
        return finished[-slots] if 0 < slots <= len(finished) else self.cutoff_ns


@dataclass(eq=False)
class Round:
    """One round while it runs."""

    load: RoundLoad
    until: int | asyncio.Event
    prompts: PromptOrder
    requests: int | None = None
    """The round ends with so many finished requests, and begins no more."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    speaking: set[asyncio.Task[None]] = field(default_factory=set)
    """Clients whose request has had its first token."""
    end_reason: str = "the run ended"
    withdrawing: bool = False
    has_guests: bool = False
    """Whether a question of the audience has been asked in it."""

    def may_begin(self, now_ns: int) -> bool:
        """Whether another request may be begun."""
        # The time or event itself is asked: the task that waits for it may not have run yet.
        passed = now_ns >= self.until if isinstance(self.until, int) else self.until.is_set()
        enough = self.requests is not None and self.load.submitted >= self.requests
        return not (passed or enough or self.over.is_set())

    def fail(self, problem: str) -> None:
        """Begin no further request, because of `problem`; the first one counts."""
        self.load.problem = self.load.problem or problem
        self.over.set()


@dataclass(eq=False)
class Exchange:
    """One request and its answer so far."""

    arm: str
    round: int
    request: int
    prompt: str
    salt: str | None = None
    question: Question | None = None
    """Whose it is, where it is one of the audience's."""
    stream: AnswerStream = field(default_factory=AnswerStream)
    last_ns: int = 0


async def over_or_cut(clock: Clock, until: int | asyncio.Event, cut: asyncio.Event | None) -> bool:
    """Wait for `until` (the run's time, or an event) or for `cut`, whichever is first; whether it was `cut`."""
    over = asyncio.ensure_future(clock.wait_until(until) if isinstance(until, int) else until.wait())
    cutting = asyncio.ensure_future((cut or asyncio.Event()).wait())
    try:
        await asyncio.wait({over, cutting}, return_when=asyncio.FIRST_COMPLETED)
        return not over.done()
    finally:
        over.cancel()
        cutting.cancel()
        await asyncio.gather(over, cutting, return_exceptions=True)
