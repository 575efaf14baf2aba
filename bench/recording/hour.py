"""An hour of racing as a recording: two GPUs at 100 Hz with twelve columns each, 20,000 requests, written in seconds.

The samples are a race's in size and noise (values as drivers give them, deadlines that walk, pages of 40 ms as the
sampler makes them), though nothing was measured: it is for timing what reads it.
"""

import hashlib
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from engine.documents import (
    ArmInfo,
    Column,
    Descriptor,
    Document,
    Mark,
    MarkKind,
    Start,
    Stop,
    encode,
)
from engine.ledger import Ledger, closed
from engine.metrics import FAST_LANE, METRICS, SLOW_LANE
from engine.recording import Reader
from engine.recording.seal import sealed

MS, NS = 1_000_000, 1_000_000_000
COLUMNS = (*FAST_LANE, *SLOW_LANE)
STEP_NS, PAGE_ROWS = 10 * MS, 4
ROUND_SECONDS, TOKENS = 28, 32
WORDS = (
    "the",
    "watts",
    "of",
    "one",
    "answer",
    "are",
    "fewer",
    "when",
    "eight",
    "share",
    "a",
    "read",
    "nobody",
    "waits",
)


def write_hour(path: Path, *, seconds: int = 3600, requests: int = 20_000, seed: int = 7) -> dict[str, int]:
    """Write it; rows by stream."""
    counts: dict[str, int] = {}
    with path.open("wb") as file:
        digest = hashlib.sha256()
        for line, stream, rows in _lines(seconds, requests, random.Random(seed)):
            file.write(line)
            digest.update(line)
            if rows:
                counts[stream] = counts.get(stream, 0) + rows
    ledger = Ledger()
    for document in Reader(path):
        ledger.add(document)
    stop = Stop(t_ns=seconds * NS, exit_status="success", counts=counts)
    with path.open("ab") as file:
        file.write(encode(sealed(closed(ledger, stop), digest)))
    return counts


def _lines(seconds: int, requests: int, chance: random.Random) -> Iterator[tuple[bytes, str, int]]:
    for document in (_start(seconds), *_descriptors()):
        yield encode(document), "", 0
    rounds = seconds // (ROUND_SECONDS + 2)
    boards = [_Board(f"gpu{n}", chance) for n in range(2)]
    for number in range(1, rounds + 1):
        begun = (number - 1) * (ROUND_SECONDS + 2) * NS
        arm = "ABBA"[(number - 1) % 4]
        asked = requests * number // rounds - requests * (number - 1) // rounds
        first = requests * (number - 1) // rounds + 1
        events = sorted(_turn(arm, number, begun, range(first, first + asked), chance), key=lambda event: event[0])
        for page_ns in range(begun, begun + (ROUND_SECONDS + 2) * NS, STEP_NS * PAGE_ROWS):
            for board in boards:
                yield board.page(page_ns, busy=page_ns - begun < ROUND_SECONDS * NS), board.stream, PAGE_ROWS
            chunks: list[tuple[int, int, str]] = []
            while events and events[0][0] < page_ns + STEP_NS * PAGE_ROWS:
                t_ns, event = events.pop(0)
                if isinstance(event, Mark):
                    yield encode(event), "", 0
                else:
                    chunks.append((t_ns, event[0], event[1]))
            if chunks:
                yield _text_page(arm, chunks), f"text.{arm}", len(chunks)


def _turn(arm: str, number: int, begun: int, requests: range, chance: random.Random) -> Iterator[tuple[int, Any]]:
    """One round: requests one after the other in eight lanes, a token each in even steps with some noise."""
    ends = begun + ROUND_SECONDS * NS
    told = {"slots": 8, "ends_t_ns": ends, "block": (number - 1) // 2 + 1}
    yield begun, Mark(kind=MarkKind.ROUND_BEGIN, t_ns=begun, arm=arm, round=number, data=told)
    turn_ns = (ends - begun) * 8 // (len(requests) + 8)
    for place, request in enumerate(requests):
        sent = begun + (place // 8) * turn_ns + chance.randrange(20 * MS)
        ids: dict[str, Any] = {"arm": arm, "round": number, "request": request}
        prompt = f"Question {request}: {' '.join(chance.choices(WORDS, k=12))}?"
        yield sent, Mark(kind=MarkKind.REQUEST_SUBMITTED, t_ns=sent, text=prompt, **ids)
        times = [sent + (turn_ns - 30 * MS) * n // TOKENS + chance.randrange(2 * MS) for n in range(1, TOKENS + 1)]
        yield times[0], Mark(kind=MarkKind.REQUEST_FIRST_TOKEN, t_ns=times[0], **ids)
        for t_ns in times:
            yield t_ns, (request, f"{chance.choice(WORDS)} ")
        done = {"prompt_tokens": 15, "completion_tokens": TOKENS, "finish_reason": "length"}
        yield times[-1] + 1, Mark(kind=MarkKind.REQUEST_FINISHED, t_ns=times[-1] + 1, data=done, **ids)
    over = {"complete": True}
    drained = ends + 500 * MS
    yield drained, Mark(kind=MarkKind.ROUND_END, t_ns=ends, end_t_ns=drained, arm=arm, round=number, data=over)


class _Board:
    """One GPU's twelve columns: sensors that are renewed every 100 ms, a second, or never."""

    def __init__(self, stream: str, chance: random.Random) -> None:
        self.stream, self.chance = stream, chance
        self.joules, self.row = 120_000.0, 0
        self.values: dict[str, float | int] = dict.fromkeys(COLUMNS, 0)
        self.values |= {"power_limit_watts": 700.0, "clock_memory_megahertz": 2619, "memory_used_bytes": 71_403_831_296}

    def page(self, t_ns: int, *, busy: bool) -> bytes:
        times, columns = [], {name: [] for name in COLUMNS}  # type: list[int], dict[str, list[Any]]
        for n in range(PAGE_ROWS):
            if self.row % 10 == 0:
                self._renew(busy)
            self.row += 1
            times.append(t_ns + n * STEP_NS + (self.row * 618_033) % (4 * MS) + self.chance.randrange(60_000))
            for name, value in self.values.items():
                columns[name].append(value)
        page = {"type": "page", "stream": self.stream, "t_ns": times, "data": columns}
        return orjson.dumps(page, option=orjson.OPT_APPEND_NEWLINE)

    def _renew(self, busy: bool) -> None:
        chance, second = self.chance, self.row % 100 == 0
        watts = round((520 if busy else 110) + chance.gauss(0, 12), 3)
        self.joules = round(self.joules + watts / 10, 3)
        self.values |= {"power_instant_watts": watts, "energy_joules": self.joules}
        self.values["power_average_watts"] = round((520 if busy else 110) + chance.gauss(0, 3), 3)
        self.values["utilization_percent"] = chance.randint(95, 100) if busy else 0
        self.values["memory_utilization_percent"] = chance.randint(60, 75) if busy else 0
        self.values["clock_sm_megahertz"] = chance.choice((1965, 1980, 1980, 1980))
        if second:
            self.values["temperature_celsius"] = 61 if busy else 52
            self.values["memory_temperature_celsius"] = 70 if busy else 64


def _text_page(arm: str, chunks: list[tuple[int, int, str]]) -> bytes:
    times = [t_ns for t_ns, _, _ in chunks]
    data = {"request": [r for _, r, _ in chunks], "tokens": [1] * len(chunks), "text": [t for _, _, t in chunks]}
    assert all(later >= earlier for earlier, later in pairwise(times))
    page = {"type": "page", "stream": f"text.{arm}", "t_ns": times, "data": data}
    return orjson.dumps(page, option=orjson.OPT_APPEND_NEWLINE)


def _start(seconds: int) -> Start:
    schedule = {"mode": "alternate", "rounds": seconds // (ROUND_SECONDS + 2), "round_seconds": ROUND_SECONDS}
    return Start(
        run="20261121-093012-hour-0000",
        utc="2026-11-21T09:30:12Z",
        seed=7,
        demo={"name": "hour", "title": "An hour", "schedule": schedule},
        arms=[ArmInfo(label=a, name=a, runtime="simulated", devices=["gpu0", "gpu1"]) for a in "AB"],
        provenance={"wattrace_version": "bench"},
        simulated={"power": True, "arms": True},
    )


def _descriptors() -> Iterator[Document]:
    columns = {name: Column(unit=METRICS[name].unit, kind=METRICS[name].kind) for name in COLUMNS}
    for n in range(2):
        yield Descriptor(
            stream=f"gpu{n}",
            t_ns=0,
            source="simulated",
            device=f"gpu{n}",
            columns=columns,
            nominal_period_ns=STEP_NS,
        )
    texts = {name: Column(unit=METRICS[name].unit, kind=METRICS[name].kind) for name in ("request", "tokens", "text")}
    for arm in "AB":
        yield Descriptor(stream=f"text.{arm}", t_ns=0, source="client", arm=arm, columns=texts)
