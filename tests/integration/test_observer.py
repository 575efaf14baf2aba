"""The observer's bench, small: a real server, sampler, hall and crowd; and what it says of rounds that are known."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from story import story

from engine.compare import student_interval
from engine.config import load_demo
from engine.documents import Document, Mark, MarkKind
from engine.ledger import Ledger
from engine.observer import Condition, ObserverOptions, conditions, findings, observe
from engine.outcome import read_race
from engine.recording import Reader
from integration.processes import MARK, living
from server.observer import served_hall
from server.observer.hall import ServedHall
from server.observer.table import print_findings

WATCHED = [Condition("A", 0, 0, "A"), Condition("B", 1000, 3, "A")]


class CountingHall:
    """The real hall, and what was asked of it."""

    def __init__(self, hall: ServedHall) -> None:
        self.hall = hall
        self.asked: list[int] = []
        self.seated: list[int] = []

    def __call__(self, document: Document) -> None:
        self.hall(document)

    async def seat(self, viewers: int) -> None:
        await self.hall.seat(viewers)
        self.asked.append(viewers)
        self.seated.append(self.hall.seated)


def test_it_races_one_server_under_both_ways_of_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MARK, mark := f"observer-{tmp_path}")
    monkeypatch.setenv("COLUMNS", "150")
    halls: list[CountingHall] = []

    @asynccontextmanager
    async def hall() -> AsyncIterator[CountingHall]:
        async with served_hall() as served:
            halls.append(CountingHall(served))
            yield halls[0]

    _, demo = load_demo("batch-1-vs-8")
    options = ObserverOptions(simulate=True, blocks=2, round_seconds=1.6, warm_up_seconds=0.5)
    out = tmp_path / "observer.jsonl"
    observed = asyncio.run(observe(demo, options, WATCHED, out, hall=hall))
    assert observed.ending.status == "success"
    assert halls[0].asked == halls[0].seated == [0, 3, 3, 0]
    assert living(mark) == {}

    race = read_race(out)
    assert [arm["rounds"] for arm in race.ledger.summaries()] == [2, 2]
    assert race.start.simulated == {"power": True, "arms": True}
    rates = rates_told(out)
    assert [rates[number] for number in (1, 2, 3, 4)] == [[0, 100], [1000, 100], [1000, 100], [0, 100]]

    found = observed.findings
    assert notes(out)[-1].data == {"conditions": found}, "the recording says it too"
    assert found[0]["change_percent"] is None
    changes = found[1]["change_percent"]
    assert set(changes) == {"itl_mean_seconds", "itl_p99_seconds", "tokens_per_second"}  # watts are simulated
    assert all(change is not None and change["blocks"] == 2 for change in changes.values()), changes
    print_findings(found, observed.ledger)
    assert "SIMULATED" in (told := capsys.readouterr().out) and "3 viewers" in told


def notes(path: Path) -> list[Mark]:
    """What the run noted."""
    return [each for each in Reader(path) if isinstance(each, Mark) and each.kind is MarkKind.NOTE]


def rates_told(path: Path) -> dict[int, list[int]]:
    """The sampler's rates from each turn's beginning on, by round, as it told them itself."""
    found: dict[int, list[int]] = {}
    for document in Reader(path):
        match document:
            case Mark(kind=MarkKind.ROUND_BEGIN, round=int(number)):
                found[number] = []
            case Mark(kind=MarkKind.NOTE, data={"stream": "gpu0", "asked_hz": int(rate)}) if found:
                found[max(found)].append(rate)
            case _:
                pass
    return found


def test_the_six_ways_are_compared_with_what_differs_in_one_thing() -> None:
    every = conditions(100)
    assert len({each.name for each in every}) == 6
    named = {each.label: each for each in every}
    for each in every:
        other = named[each.against]
        assert each is other or (each.rate_hz == other.rate_hz) or (each.viewers == other.viewers == 0)
    assert {(each.rate_hz, each.viewers) for each in every} >= {(0, 0), (10, 0), (100, 0), (1000, 0), (100, 100)}


def test_changes_are_those_of_the_blocks() -> None:
    ledger = Ledger()
    for document in story(rounds="ABBAAB"):
        ledger.add(document)
    found: list[dict[str, Any]] = findings(ledger, [Condition("A", 0, 0, "A"), Condition("B", 10, 0, "A")], {"B": 1.5})
    speeds = [ledger.values(label, "tokens_per_second") for label in "AB"]
    interval = student_interval([math.log(b / a) for a, b in zip(*speeds, strict=True) if a and b])
    change = found[1]["change_percent"]["tokens_per_second"]
    assert change["value"] == pytest.approx(100 * math.expm1(interval.middle))
    assert change["decided"] and change["blocks"] == 3
    assert (found[0]["sampler_cpu_percent"], found[1]["sampler_cpu_percent"]) == (None, 1.5)
