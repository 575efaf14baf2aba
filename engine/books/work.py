"""What a turn of an arm did, answer for answer, for as long as its figures are still to be made of it. Pure."""

from array import array
from dataclasses import dataclass, field

from engine.books.figures import Percentiles, percentiles
from engine.books.flow import Flow

_FEWEST_POLLS = 3


@dataclass(slots=True)
class RequestTimes:
    """When one request was sent, first answered, and last heard of."""

    submitted_ns: int
    round: int
    prompt: str = ""
    first_ns: int | None = None
    last_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A request that had its first token, and is over."""

    first_ns: int
    last_ns: int
    prompt_tokens: int
    finished: bool


@dataclass(frozen=True, slots=True)
class Latencies:
    """What the clients waited for, in seconds, one value a request (`itl`: a pause between two chunks)."""

    ttft: "array[float]" = field(default_factory=lambda: array("d"))
    itl: "array[float]" = field(default_factory=lambda: array("d"))
    e2e: "array[float]" = field(default_factory=lambda: array("d"))

    def percentiles(self) -> dict[str, Percentiles | None]:
        """p50, p90 and p99 of time to first token, inter-token and end-to-end latency."""
        named = {"ttft_seconds": self.ttft, "itl_seconds": self.itl, "e2e_seconds": self.e2e}
        return {name: percentiles(values) for name, values in named.items()}


@dataclass(slots=True)
class Work:
    """All that came in one turn."""

    flow: Flow = field(default_factory=Flow)
    latencies: Latencies = field(default_factory=Latencies)
    answers: list[Answer] = field(default_factory=list)
    polls: list[tuple[int, float]] = field(default_factory=list)
    """Running requests by the server's own count."""

    def prompt_tokens(self, start_ns: int, end_ns: int) -> int:
        """Of the requests whose first token came in the window."""
        return sum(answer.prompt_tokens for answer in self.answers if start_ns <= answer.first_ns < end_ns)

    @property
    def finished(self) -> int:
        """Answers that came whole."""
        return sum(answer.finished for answer in self.answers)

    def running_mean(self, start_ns: int, end_ns: int) -> float | None:
        """By the server's own count where it told one, else as the clients saw it."""
        if self.flow.continuous or end_ns <= start_ns:
            return None
        polled = [running for t, running in self.polls if start_ns <= t <= end_ns]
        if len(polled) >= _FEWEST_POLLS:
            return sum(polled) / len(polled)
        spans = (min(answer.last_ns, end_ns) - max(answer.first_ns, start_ns) for answer in self.answers)
        return sum(span for span in spans if span > 0) / (end_ns - start_ns)
