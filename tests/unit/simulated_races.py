"""Races of two arms with a known true ratio of energy per token, as values of rounds or told in documents.

What makes them like real ones: every round has noise of its own; the card warms up and its power wanders, for both
arms alike; the energy counter ticks and is rounded; tokens come whole. For tests and `bench/verdicts.py`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from engine.documents import ArmInfo, Column, Descriptor, Document, Mark, MarkKind, Page, Start, Stop

MS, SECOND = 1_000_000, 1_000_000_000
WATTS, TOKENS_PER_SECOND = 300.0, 120.0
TICK_NS, SAMPLE_NS = 100 * MS, 50 * MS
ROUND_NS, BREAK_NS = 2 * SECOND, 350 * MS
FIRST_TOKEN_NS = 40 * MS

Values = tuple[list[float], list[float]]


@dataclass(frozen=True)
class Nature:
    """How the arms really are: B's energy per token over A's, and what blurs it."""

    ratio: float = 0.9
    noise: float = 0.02
    """Spread of a round's power and, half of it, of its speed."""
    warming: float = 0.04
    """How much more power the warm card draws; half of that after 40 s."""
    wander: float = 0.003
    """Spread of what every round changes for all that follow."""
    outliers: float = 0.0
    """Share of rounds with five times the noise."""


@dataclass(frozen=True)
class Round:
    """What one round really was."""

    arm: str
    begun_ns: int
    watts: float
    tokens_per_second: float


def rounds(random: Random, blocks: int, nature: Nature) -> list[Round]:
    """The turns A B B A A B B A ... of so many blocks."""
    wandered, t_ns, found = 0.0, SECOND, []
    for number in range(2 * blocks):
        arm = "ABBA"[number % 4]
        blur = nature.noise * (5 if random.random() < nature.outliers else 1)
        warm = 1 + nature.warming * (1 - 0.5 ** (t_ns / (40 * SECOND)))
        wandered += random.gauss(0, nature.wander)
        watts = WATTS * warm * math.exp(wandered + random.gauss(0, blur))
        speed = TOKENS_PER_SECOND * math.exp(random.gauss(0, blur / 2))
        # Half of the difference is in the power, half in the speed.
        share = math.sqrt(nature.ratio) if arm == "B" else 1.0
        found.append(Round(arm, t_ns, watts * share, speed / share))
        t_ns += ROUND_NS + BREAK_NS
    return found


def race(random: Random, blocks: int, nature: Nature) -> Values:
    """The joules per token of a whole race."""
    return values(random, rounds(random, blocks, nature))


def values(random: Random, told: Sequence[Round]) -> Values:
    """Each arm's joules per token, round by round, as a counter with ticks and whole tokens give them."""
    found: dict[str, list[float]] = {"A": [], "B": []}
    for one in told:
        ticks = (ROUND_NS - FIRST_TOKEN_NS) // TICK_NS - (random.random() < 0.5)
        joules = round(one.watts * ticks * TICK_NS / SECOND, 3)
        misplaced_seconds = random.uniform(-5, 5) / 1000  # of the window, between ticks that were read from outside
        tokens = int(one.tokens_per_second * (ticks * TICK_NS / SECOND + misplaced_seconds) + random.random())
        found[one.arm].append(joules / tokens)
    return found["A"], found["B"]


def documents(random: Random, told: Sequence[Round]) -> Iterator[Document]:
    """The same rounds as a recording tells them: the ledger makes its figures of that."""
    yield Start(
        run="simulated-race",
        utc="2026-11-21T09:30:12Z",
        seed=7,
        demo={"name": "race", "title": "Race", "schedule": {"rounds": len(told), "mode": "alternate"}},
        arms=[ArmInfo(label=label, name=f"arm {label}", runtime="simulated") for label in "AB"],
        provenance={},
        simulated={"power": True, "arms": True},
    )
    joules = Column(unit="J", kind="counter")
    yield Descriptor(stream="gpu0", t_ns=0, source="simulated", device="gpu0", columns={"energy_joules": joules})
    yield Mark(kind=MarkKind.PHASE, t_ns=0, state="racing")
    counter = Counter(random)
    for number, one in enumerate(told, start=1):
        yield counter.until(one.begun_ns, 80.0)
        yield from turn(one, number, counter)
    yield counter.until(counter.t_ns + SECOND, 80.0)
    yield Stop(t_ns=counter.t_ns, exit_status="success")


class Counter:
    """An energy counter that ticks at a phase of its own and is read every 50 ms."""

    def __init__(self, random: Random) -> None:
        self.t_ns, self.joules, self.shown = 0, random.uniform(1e3, 1e5), 0.0
        self.next_tick_ns = random.randrange(1, TICK_NS)
        self.told_ns = 0

    def until(self, t_ns: int, watts: float) -> Page:
        """Its readings up to `t_ns`, at so many watts."""
        times, column = [], []
        while self.t_ns + SAMPLE_NS <= t_ns:
            self.t_ns += SAMPLE_NS
            while self.next_tick_ns <= self.t_ns:
                self.joules += watts * (self.next_tick_ns - self.told_ns) / SECOND
                self.shown, self.told_ns = round(self.joules, 3), self.next_tick_ns
                self.next_tick_ns += TICK_NS
            times.append(self.t_ns)
            column.append(self.shown or round(self.joules, 3))
        return Page(stream="gpu0", t_ns=times, data={"energy_joules": column})


def turn(one: Round, number: int, counter: Counter) -> Iterator[Document]:
    """One round of one long answer, a token at a time."""
    begun, ends, arm = one.begun_ns, one.begun_ns + ROUND_NS, one.arm
    yield Mark(kind=MarkKind.ROUND_BEGIN, t_ns=begun, arm=arm, round=number, data={"slots": 1, "ends_t_ns": ends})
    yield Mark(kind=MarkKind.REQUEST_SUBMITTED, t_ns=begun, arm=arm, round=number, request=number, text="Why?")
    first = begun + FIRST_TOKEN_NS
    yield Mark(kind=MarkKind.REQUEST_FIRST_TOKEN, t_ns=first, arm=arm, round=number, request=number)
    gap = SECOND / one.tokens_per_second
    times = [first + int(k * gap) for k in range(int((ends - first) / gap) + 1)]
    ones = [1] * len(times)
    text: dict[str, list[int]] = {"request": [number] * len(times), "tokens": ones}
    yield Page(stream=f"text.{arm}", t_ns=times, data=text)
    yield counter.until(ends + 20 * MS, one.watts)
    done = {"prompt_tokens": 5, "completion_tokens": len(times), "finish_reason": "length"}
    yield Mark(kind=MarkKind.REQUEST_FINISHED, t_ns=ends, arm=arm, round=number, request=number, data=done)
    yield Mark(
        kind=MarkKind.ROUND_END, t_ns=ends, end_t_ns=ends + 20 * MS, arm=arm, round=number, data={"complete": True}
    )
