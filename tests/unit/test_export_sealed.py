"""Sealed recordings are exported a thousand pages at a time: the same tables as page by page, and no trust."""

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from odd_race import odd_race
from recordings import recorded
from story import start, story

import engine.export.arrow
from engine.documents import Column, Descriptor, Page, Stop, decode, encode
from engine.errors import ExportError, RecordingError
from engine.export import export
from engine.export.arrow import ArrowRows, read_pages
from engine.recording.seal import sealed


def tables(race: Path, out: Path) -> dict[str, pa.Table]:
    export([race], "parquet", out)
    return {path.stem: pq.read_table(path).replace_schema_metadata(None) for path in out.iterdir()}


def resealed(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """The recording with other bytes, and a seal that holds for them."""
    *lines, last = path.read_bytes().splitlines(keepends=True)
    stop, content = decode(last), change(b"".join(lines))
    assert isinstance(stop, Stop) and content != b"".join(lines)
    path.write_bytes(content + encode(sealed(stop, sha256(content))))
    return path


def unsealed(path: Path, out: Path) -> Path:
    out.write_bytes(re.sub(rb',"digest":"sha256:\w+"', b"", path.read_bytes()))
    return out


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[ArrowRows | None]:
    """What was read many pages at a time; None for those that took another look."""
    found: list[ArrowRows | None] = []

    def spied(lines: list[bytes], descriptor: Descriptor) -> ArrowRows | None:
        found.append(read_pages(lines, descriptor))
        return found[-1]

    monkeypatch.setattr(engine.export.arrow, "read_pages", spied)
    return found


def test_an_odd_race_gives_the_same_tables_both_ways(
    tmp_path: Path, read: list[ArrowRows | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.export.passage._TOGETHER_BYTES", 30_000)
    race = odd_race(tmp_path / "race.jsonl")
    fast = tables(race, tmp_path / "fast")
    assert len(read) > 10 and None not in read
    rows = sum(map(len, filter(None, read)))
    assert tables(unsealed(race, tmp_path / "open.jsonl"), tmp_path / "slow") == fast
    assert rows == sum(len(table) for name, table in fast.items() if name.startswith(("gpu", "text."))) > 5000


NUMBERS = {name: Column(unit="W", kind="gauge") for name in ("power_instant_watts", "throttle_reasons")}
WORDS = {"text": Column(unit="", kind="text"), "request": Column(unit="1", kind="gauge")}
STRANGE: list[tuple[str, dict[str, Column], list[dict[str, list[object]]]]] = [
    (
        "numbers of all kinds",
        NUMBERS,
        [{"power_instant_watts": [1, 2.5e-9, None], "throttle_reasons": [None, -1, 2**62]}],
    ),
    ("words", WORDS, [{"text": ['"[{true,ä\\\n\u2028😀', None, ""], "request": [1, None, 3]}]),
    ("a column that no page has", NUMBERS, [{"power_instant_watts": [1, 2, 3]}]),
    ("a column that some have", NUMBERS, [{"power_instant_watts": [1, 2, 3]}, {"throttle_reasons": [1, 2, 3]}]),
    ("a whole number as a float", NUMBERS, [{"throttle_reasons": [1.0, 2.0, 3.0]}]),
    ("numbers among words", WORDS, [{"text": ["one", 2, None], "request": [1, 2, 3]}]),
    ("a column that nobody told of", NUMBERS, [{"fan_percent": [1, 2, 3]}]),
    ("words that nobody told of", {}, [{"fan": ["a", None, "c"]}]),
    ("a name with quotes", {'"x"': Column(unit="", kind="gauge")}, [{'"x"': [1, 2, 3]}]),
]


@pytest.mark.parametrize(("columns", "pages"), [rest for _, *rest in STRANGE], ids=[name for name, *_ in STRANGE])
def test_whatever_a_page_may_hold_comes_out_the_same_both_ways(
    columns: dict[str, Column], pages: list[dict[str, list[object]]], tmp_path: Path, read: list[ArrowRows | None]
) -> None:
    described = Descriptor(stream="text.A" if "text" in columns else "gpu0", t_ns=0, source="nvml", columns=columns)
    told = [Page(stream=described.stream, t_ns=[n, n, n + 5], data=data) for n, data in enumerate(pages)]
    race = recorded(tmp_path / "race.jsonl", [start(), described, *told, Stop(t_ns=9, exit_status="success")])
    fast = tables(race, tmp_path / "fast")
    assert read and fast == tables(unsealed(race, tmp_path / "open.jsonl"), tmp_path / "slow")
    assert len(fast[described.stream]) == 3 * len(pages)


FORGED = {
    "a list for a cell": (rb'("power_instant_watts":\[)300\.0', rb"\1[1]"),
    "an object for a cell": (rb'("power_instant_watts":\[)300\.0', rb'\1{"a":1}'),
    "a flag for a cell": (rb'("power_instant_watts":\[)300\.0', rb"\1true"),
    "a list for words": (rb'("text":\[)"x "', rb"\1[1]"),
    "a column that is none": (rb'("energy_joules":)\[[^\]]*\]', rb"\g<1>5"),
    "a column that is too short": (rb'("energy_joules":\[)[^,]*,', rb"\1"),
    "a time that falls": (rb'("stream":"gpu0","t_ns":\[)\d+,(\d+)', rb"\1\2,0"),
    "a time that is none": (rb'("stream":"gpu0","t_ns":\[)\d+', rb"\g<1>1.5"),
    "a time that is missing": (rb'("stream":"gpu0","t_ns":\[)\d+', rb"\1null"),
    "a field too many": (rb'("stream":"gpu0",)', rb'\1"seen":1,'),
    "a request that is text": (rb'("kind":"request_finished",.*?"request":)\d+', rb'\1"one"'),
}


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize(("told", "instead"), FORGED.values(), ids=FORGED)
def test_what_no_run_writes_is_a_clear_error_though_it_is_sealed(
    told: bytes, instead: bytes, form: str, tmp_path: Path
) -> None:
    race = resealed(
        recorded(tmp_path / "race.jsonl", story(rounds="AB")), lambda content: re.sub(told, instead, content, count=1)
    )
    with pytest.raises((RecordingError, ExportError), match=r"line \d+"):
        export([race], form, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["race.jsonl"]


def test_a_number_that_no_float_holds_is_told_and_not_rounded(tmp_path: Path) -> None:
    described = Descriptor(stream="gpu0", t_ns=0, source="nvml", columns=NUMBERS)
    page = Page(stream="gpu0", t_ns=[1], data={"power_instant_watts": [2**53 + 1], "throttle_reasons": [1]})
    race = recorded(tmp_path / "race.jsonl", [start(), described, page, Stop(t_ns=9, exit_status="success")])
    with pytest.raises(ExportError, match="does not fit its column"):
        export([race], "parquet", tmp_path / "out")
