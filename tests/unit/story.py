"""A small race told in documents, whose true figures are known: for the tests of everything that reads documents."""

import math
from collections import deque
from collections.abc import Iterator

from engine.documents import ArmInfo, Column, Descriptor, Document, Mark, MarkKind, Page, Start, Stop

MS = 1_000_000
SECOND = 1_000_000_000
WATTS = {"A": 300.0, "B": 400.0}
TOKENS_PER_SECOND = {"A": 100, "B": 500}
ROUND_SECONDS = 4


def start(*, simulated: bool = True) -> Start:
    return Start(
        run="20261121-093012-story-0000",
        utc="2026-11-21T09:30:12Z",
        seed=7,
        demo={
            "name": "story",
            "title": "Story",
            "schedule": {"rounds": 4, "mode": "alternate", "round_seconds": 4},
        },
        arms=[
            ArmInfo(label="A", name="one", runtime="simulated"),
            ArmInfo(label="B", name="two", runtime="simulated"),
        ],
        provenance={},
        simulated={"power": simulated, "arms": simulated},
    )


def descriptors() -> list[Descriptor]:
    watts, joules = Column(unit="W", kind="gauge"), Column(unit="J", kind="counter")
    columns = {"power_instant_watts": watts, "power_average_watts": watts, "energy_joules": joules}
    text = {"request": Column(unit="1", kind="counter"), "tokens": Column(unit="1", kind="gauge")}
    text["text"] = Column(unit="", kind="text")
    found = [Descriptor(stream="gpu0", t_ns=0, source="simulated", device="gpu0", columns=columns)]
    for arm in "AB":
        found.append(Descriptor(stream=f"text.{arm}", t_ns=0, source="client", arm=arm, columns=text))
    return found


class Teller:
    """Tells rounds one after the other; the counter ticks every 100 ms, sampled every 10 ms."""

    def __init__(self, *, power: bool = True) -> None:
        self.t_ns = 0
        self.joules = 5000.0
        self.request = 0
        self.power = power
        self.second = deque([0.0] * 100, maxlen=100)
        """The power of the last second, whose mean the average field tells."""

    def spend(self, seconds: float, watts: float) -> Iterator[Document]:
        """Samples of `seconds` at constant power, in pages of 50 ms."""
        steps = round(seconds * 100)
        times, instant, average, counter = [], [], [], []
        for _ in range(steps):
            self.t_ns += 10 * MS
            if self.t_ns % (100 * MS) == 0:
                self.joules += watts * 0.1
            times.append(self.t_ns)
            instant.append(watts)
            self.second.append(watts)
            average.append(math.fsum(self.second) / 100)
            counter.append(self.joules)
            if len(times) == 5:
                columns = {
                    "power_instant_watts": list(instant),
                    "power_average_watts": list(average),
                    "energy_joules": list(counter),
                }
                yield Page(stream="gpu0", t_ns=list(times), data=columns)
                times.clear(), instant.clear(), average.clear(), counter.clear()

    def round(self, arm: str, number: int, *, complete: bool = True) -> Iterator[Document]:
        """One round: a token every 1/rate, 100 ms of draining after the cutoff."""
        begun, self.request = self.t_ns, self.request + 1
        ends = begun + ROUND_SECONDS * SECOND
        yield Mark(kind=MarkKind.ARM, t_ns=begun, arm=arm, state="active")
        yield Mark(kind=MarkKind.ROUND_BEGIN, t_ns=begun, arm=arm, round=number, data={"slots": 1, "ends_t_ns": ends})
        ids = {"arm": arm, "round": number, "request": self.request}
        yield Mark(kind=MarkKind.REQUEST_SUBMITTED, t_ns=begun, text="Why?", **ids)
        yield Mark(kind=MarkKind.REQUEST_FIRST_TOKEN, t_ns=begun + 50 * MS, **ids)
        gap = SECOND // TOKENS_PER_SECOND[arm]
        times = list(range(begun + 50 * MS, ends + 100 * MS, gap))
        told = 0
        for page in self.spend(ROUND_SECONDS + 0.1, WATTS[arm]):
            if self.power:
                yield page
            now = [t for t in times[told:] if t <= self.t_ns]
            told += len(now)
            if now:
                data = {
                    "request": [self.request] * len(now),
                    "tokens": [1] * len(now),
                    "text": ["x "] * len(now),
                }
                yield Page(stream=f"text.{arm}", t_ns=now, data=data)
        done = {"prompt_tokens": 5, "completion_tokens": told, "finish_reason": "length"}
        yield Mark(kind=MarkKind.REQUEST_FINISHED, t_ns=self.t_ns, data=done, **ids)
        yield Mark(
            kind=MarkKind.ROUND_END,
            t_ns=ends,
            end_t_ns=self.t_ns,
            arm=arm,
            round=number,
            data={"complete": complete},
        )
        yield Mark(kind=MarkKind.ARM, t_ns=self.t_ns, arm=arm, state="resting")


def story(*, power: bool = True, stop: bool = True, rounds: str = "ABBA") -> list[Document]:
    """A whole run of the given rounds, with a second of idle baseline at 80 W before them."""
    teller = Teller(power=power)
    told: list[Document] = [start(), *(d for d in descriptors() if power or d.stream != "gpu0")]
    told.append(Mark(kind=MarkKind.PHASE, t_ns=0, state="baseline"))
    told.extend(page for page in teller.spend(1.0, 80.0) if power)
    for number, arm in enumerate(rounds, start=1):
        told.append(Mark(kind=MarkKind.PHASE, t_ns=teller.t_ns, state="racing"))
        told.extend(teller.round(arm, number))
    if stop:
        told.append(Stop(t_ns=teller.t_ns, exit_status="success"))
    return told
