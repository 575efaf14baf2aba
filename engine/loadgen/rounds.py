"""What a round keeps: its counts, the requests under way, and how one request goes."""

import asyncio
from dataclasses import dataclass, field

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
    problem: str | None = None
    """Why the round ended before its time, or did not drain; None when all went well."""

    @property
    def complete(self) -> bool:
        """Whether the round ran to its cutoff and every request finished or was withdrawn."""
        return self.problem is None


@dataclass(eq=False)
class Round:
    """One round while it runs."""

    load: RoundLoad
    until: int | asyncio.Event
    prompts: PromptOrder
    over: asyncio.Event = field(default_factory=asyncio.Event)
    speaking: set[asyncio.Task[None]] = field(default_factory=set)
    """Clients whose request has had its first token."""
    end_reason: str = "the run ended"
    withdrawing: bool = False

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
    stream: AnswerStream = field(default_factory=AnswerStream)
    last_ns: int = 0
