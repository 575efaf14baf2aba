"""What a command says of its progress, read line by line and told in pages."""

import asyncio

import pytest

from engine.clock import NS
from engine.config import Progress
from engine.documents import Page
from engine.entrants.pages import ROW_NS, ProgressPages
from engine.entrants.progress import SHOWN_CHARACTERS, ProgressReader


def lines(*texts: str) -> list[bytes]:
    return [text.encode() for text in texts]


def counting() -> ProgressReader:
    return ProgressReader(Progress(unit="step", pattern=r"step (?P<done>[-\w.]+)"))


def test_a_count_from_the_start_becomes_what_was_done_since_the_line_before() -> None:
    reader = counting()
    assert reader.read(lines("step 3")) == (3.0, "step 3")
    assert reader.read(lines("noise", "step 4", "step 10", "noise")) == (7.0, "step 10")
    assert reader.read(lines("nothing of interest")) is None
    assert reader.done == 10.0


def test_amounts_add_up() -> None:
    reader = ProgressReader(Progress(unit="file", pattern=r"\+(?P<more>[0-9.]+)"))
    assert reader.read(lines("+1", "other", "+2.5")) == (3.5, "+2.5")
    assert reader.read(lines("+0")) == (0.0, "+0")
    assert reader.done == 3.5


def test_a_count_that_begins_again_is_no_negative_work() -> None:
    reader = counting()
    reader.read(lines("step 100"))
    assert reader.read(lines("step 2")) == (0.0, "step 2")
    assert reader.read(lines("step 5")) == (3.0, "step 5")


@pytest.mark.parametrize("text", ["step nan", "step inf", "step -inf", "step 1e999", "step many", ""])
def test_what_is_no_number_is_no_progress(text: str) -> None:
    assert counting().read(lines(text)) is None


@pytest.mark.parametrize(
    ("line", "units"),
    [
        ('{"units_done": 5, "loss": 0.1}', 5.0),
        ('INFO 12:00 {"units_done": 2.5}', 2.5),
        ('{"units_done": "7"}', 7.0),
        ('{"units_done": true}', None),
        ('{"units_done": null}', None),
        ('{"units_done": {"a": 1}}', None),
        ('{"other": 5}', None),
        ("[5]", None),
        ('{"units_done": 5', None),
        ("units_done 5", None),
    ],
)
def test_json_lines(line: str, units: float | None) -> None:
    told = ProgressReader(Progress(json_key="units_done")).read(lines(line))
    assert (told[0] if told else None) == units


def test_binary_lines_are_survived_and_shown_harmlessly() -> None:
    told = counting().read([b"\xff\xfe\x00\x1b[31m step 4 \x07" + b"x" * 5000])
    assert told is not None
    units, text = told
    assert units == 4.0 and len(text) == SHOWN_CHARACTERS and text.isprintable()


def test_of_a_flood_only_the_newest_count_is_looked_at() -> None:
    class Untouchable(bytes):
        def decode(self, *_: object, **__: object) -> str:
            raise AssertionError("an older line was read")

    flood: list[bytes] = [Untouchable(b"step 1")] * 100_000
    assert counting().read([*flood, b"step 100001"]) == (100_001.0, "step 100001")


async def test_rows_are_coalesced_but_for_a_turns_first() -> None:
    told: list[Page] = []
    pages = ProgressPages("A", told.append)
    pages.begin()
    for number in range(10_000):  # a tenth of a second, ten lines a millisecond
        pages.add(number * NS // 100_000, 1.0, f"line {number}")
    pages.flush()
    units = [cell for page in told for cell in page.data["units"]]
    times = [t for page in told for t in page.t_ns]
    assert units[0] == 1.0 and times[0] == 0, "the first row opens the steady state: nothing is added to it"
    assert sum(cell for cell in units if isinstance(cell, float)) == 10_000
    assert len(units) <= 2 + NS // 10 // ROW_NS and times == sorted(times)
    assert told[-1].data["text"][-1] == "line 9999"


async def test_a_single_row_is_not_kept_back() -> None:
    told: list[Page] = []
    pages = ProgressPages("A", told.append)
    pages.begin()
    pages.add(1, 1.0, "first")
    pages.add(NS, 1.0, "second")
    while len(told) < 2:
        await asyncio.sleep(0.01)
    assert told[1].data["text"] == ["second"] and not pages.silent
    pages.begin()
    assert pages.silent
