"""A race with everything that an export may stumble over: two GPUs, missing readings, requests that came to nothing."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from recordings import recorded
from story import MS, SECOND, story

from engine.documents import Column, Descriptor, Document, Mark, MarkKind, Page, Start, Stop

SLOW = {
    "temperature_celsius": Column(unit="°C", kind="gauge"),
    "throttle_reasons": Column(unit="bits", kind="gauge"),
    "memory_used_bytes": Column(unit="B", kind="gauge"),
}
"""What the slow stream has."""


def odd_documents(rounds: str = "ABBA") -> Iterator[Document]:
    """The story on two GPUs, whose second one's counter ticks at another time; its prompt has commas and quotes."""
    second = SecondGpu()
    for document in story(rounds=rounds):
        match document:
            case Start():
                arms = [arm.model_copy(update={"devices": ["gpu0", "gpu1"]}) for arm in document.arms]
                yield document.model_copy(update={"arms": arms})
            case Descriptor(stream="gpu0"):
                yield document
                yield document.model_copy(update={"stream": "gpu1", "device": "gpu1"})
                yield Descriptor(stream="gpu0.slow", t_ns=0, source="simulated", device="gpu0", columns=SLOW)
            case Page(stream="gpu0"):
                yield document
                yield second.page(document)
                yield slow(document)
            case Mark(kind=MarkKind.REQUEST_SUBMITTED):
                yield document.model_copy(update={"text": 'Say "a, b",\nplease: ünï\\code'})
            case Mark(kind=MarkKind.ROUND_END):
                yield from lost_requests(document)
                yield document
            case _:
                yield document


class SecondGpu:
    """Tells the same watts; its counter ticks 40 ms later, and one reading of each page is missing."""

    def __init__(self) -> None:
        self._late = deque([7000.0] * 4)

    def page(self, page: Page) -> Page:
        """Its page beside the first one's."""
        counter = []
        for joules in page.data["energy_joules"]:
            assert isinstance(joules, float)
            self._late.append(joules + 2000)
            counter.append(self._late.popleft())
        watts = [None, *page.data["power_instant_watts"][1:]]
        data = {"power_instant_watts": watts, "power_average_watts": watts, "energy_joules": counter}
        return Page(stream="gpu1", t_ns=page.t_ns, data=data)


def slow(page: Page) -> Page:
    """A row of the slow stream; the temperature is missing in the fourth second."""
    t_ns = page.t_ns[0]
    celsius = None if 3 * SECOND <= t_ns < 4 * SECOND else 40
    cells = {"temperature_celsius": [celsius], "throttle_reasons": [4], "memory_used_bytes": [2**53 + 1]}
    return Page(stream="gpu0.slow", t_ns=[t_ns], data=cells)


def lost_requests(end: Mark) -> Iterator[Mark]:
    """One that failed after its first token, one that was withdrawn before."""
    number = 100 * (end.round or 0)
    for request, first, state in ((number, True, None), (number + 1, False, "withdrawn")):
        ids = {"arm": end.arm, "round": end.round, "request": request}
        at = end.t_ns - 50 * MS
        yield Mark(kind=MarkKind.REQUEST_SUBMITTED, t_ns=at, text="Lost", **ids)
        if first:
            yield Mark(kind=MarkKind.REQUEST_FIRST_TOKEN, t_ns=at + MS, **ids)
        yield Mark(kind=MarkKind.REQUEST_FAILED, t_ns=end.t_ns, state=state, text="gone", **ids)


def odd_race(path: Path, *, cut: bool = False, rounds: str = "ABBA") -> Path:
    """Its recording; `cut` off before its stop."""
    documents = odd_documents(rounds)
    return recorded(path, (d for d in documents if not (cut and isinstance(d, Stop))))
