"""Parquet and CSV: the same tables, everything in them, missing values missing, energies that SQL can recompute."""

import csv
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import simulated_races
from odd_race import odd_documents, odd_race
from recordings import recorded
from story import story

import engine.recording
from engine.documents import Column, Descriptor, Page, Stop
from engine.errors import ExportError
from engine.export import export
from engine.export.passage import ROWS, read_through

QUERIES = re.findall(r"```sql\n(.*?)```", (Path(__file__).parents[2] / "docs/export.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The odd race, and what became of it."""
    place = tmp_path_factory.mktemp("tables")
    race = odd_race(place / "race.jsonl")
    for form in ("parquet", "csv"):
        assert export([race], form, place / form) == []
    return place


def test_every_stream_and_everything_else_has_a_table(folder: Path) -> None:
    streams = {"gpu0", "gpu1", "gpu0.slow", "text.A", "text.B"}
    names = streams | {"requests", "rounds", "arms", "marks"}
    assert {path.name for path in (folder / "parquet").iterdir()} == {f"{name}.parquet" for name in names}
    assert {path.name for path in (folder / "csv").iterdir()} == {f"{n}.{s}" for n in names for s in ("csv", "json")}


def test_every_reading_is_there_bit_by_bit_and_missing_ones_are_null(folder: Path) -> None:
    for stream in ("gpu0", "gpu1", "gpu0.slow", "text.A"):
        told: dict[str, list[Any]] = {}
        for page in (d for d in odd_documents() if isinstance(d, Page) and d.stream == stream):
            for name, cells in {"t_ns": page.t_ns, **page.data}.items():
                told.setdefault(name, []).extend(cells)
        table = pq.read_table(folder / "parquet" / f"{stream}.parquet")
        assert set(table.column("stream").to_pylist()) == {stream}
        assert {name: table.column(name).to_pylist() for name in told} == told
        assert set(table.column_names) == {"stream", *told}


def test_columns_have_types_units_and_meanings(folder: Path) -> None:
    schema = pq.read_schema(folder / "parquet" / "gpu0.slow.parquet")
    assert schema.field("throttle_reasons").type == schema.field("memory_used_bytes").type == pa.int64()
    assert schema.field("temperature_celsius").type == pa.float64()
    assert schema.field("temperature_celsius").metadata == {
        b"unit": "°C".encode(),
        b"meaning": b"GPU core temperature.",
    }
    rounds = pq.read_schema(folder / "parquet" / "rounds.parquet")
    assert rounds.field("steady_energy_joules").metadata == {b"unit": b"J"}
    assert rounds.field("complete").type == pa.bool_()


def test_the_file_says_what_it_is_of(folder: Path) -> None:
    race = engine.recording.open(folder / "race.jsonl")
    about = json.loads(pq.read_schema(folder / "parquet" / "gpu1.parquet").metadata[b"wattrace"])
    assert about["run"] == race.start.run and about["utc"] == race.start.utc
    assert about["simulated"] == {"power": True, "arms": True}
    assert about["complete"] is True and about["cut_off"] is None and about["exit_status"] == "success"
    assert about["stream"]["device"] == "gpu1"
    beside = json.loads((folder / "csv" / "gpu1.json").read_bytes())
    columns = beside.pop("columns")
    assert beside == about
    assert columns["energy_joules"]["unit"] == "J" and columns["t_ns"]["kind"] == "integer"


def test_requests_tell_what_became_of_them(folder: Path) -> None:
    rows = {row["request"]: row for row in pq.read_table(folder / "parquet" / "requests.parquet").to_pylist()}
    assert [rows[number]["state"] for number in (1, 100, 101)] == ["finished", "failed", "withdrawn"]
    assert rows[101]["first_token_t_ns"] is rows[101]["ttft_seconds"] is rows[101]["completion_tokens"] is None
    assert rows[1]["prompt"] == 'Say "a, b",\nplease: ünï\\code' and rows[1]["chunks"] == rows[1]["completion_tokens"]


def test_csv_has_the_same_as_parquet(folder: Path) -> None:
    for path in (folder / "parquet").iterdir():
        table = pq.read_table(path)
        with (folder / "csv" / f"{path.stem}.csv").open(encoding="utf-8", newline="") as file:
            names, *rows = csv.reader(file)
        assert names == table.column_names and len(rows) == len(table)
        for name, cells in zip(names, zip(*rows, strict=True), strict=True):
            assert [_read(table.schema.field(name).type, cell) for cell in cells] == [
                None if value == "" else value for value in table.column(name).to_pylist()
            ]


def _read(kind: pa.DataType, cell: str) -> Any:
    if cell == "":
        return None
    if kind == pa.bool_():
        return {"true": True, "false": False}[cell]
    return {pa.int64(): int, pa.float64(): float, pa.string(): str}[kind](cell)


def test_words_stand_in_quotes_so_that_empty_fields_are_missing(tmp_path: Path) -> None:
    listed = Descriptor(
        stream="gpu0.processes", t_ns=0, source="nvml", columns={"compute_process_ids": Column(unit="", kind="text")}
    )
    page = Page(stream="gpu0.processes", t_ns=[1, 2], data={"compute_process_ids": ["", None]})
    export([recorded(tmp_path / "race.jsonl", [*story()[:-1], listed, page, story()[-1]])], "csv", tmp_path / "out")
    lines = (tmp_path / "out" / "gpu0.processes.csv").read_bytes().splitlines()
    assert lines == [b"stream,t_ns,compute_process_ids", b'"gpu0.processes",1,""', b'"gpu0.processes",2,']


@pytest.mark.parametrize("seed", range(3))
def test_plain_sql_gives_the_energy_of_wandering_power(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    rounds = simulated_races.rounds(random, 3, simulated_races.Nature())
    race = recorded(tmp_path / "race.jsonl", simulated_races.documents(random, rounds))
    export([race], "parquet", tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    _within(race, QUERIES[0])


@pytest.mark.parametrize("query", QUERIES)
def test_plain_sql_gives_the_energy_of_two_gpus(query: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "parquet")
    _within(folder / "race.jsonl", query)


def _within(race: Path, query: str) -> None:
    found = dict(duckdb.sql(query).fetchall())
    for arm in engine.recording.open(race).summary()["arms"]:
        assert abs(found.pop(arm["label"]) - arm["energy_joules"]) <= arm["uncertainty_joules"]
    assert not found


def test_a_stream_that_is_described_anew_goes_on_in_another_file(tmp_path: Path) -> None:
    late = Descriptor(
        stream="gpu0", t_ns=9, source="nvml", columns={"power_instant_watts": Column(unit="W", kind="gauge")}
    )
    page = Page(stream="gpu0", t_ns=[99_000_000_000], data={"power_instant_watts": [1.0]})
    export([recorded(tmp_path / "race.jsonl", [*story()[:-1], late, page, story()[-1]])], "parquet", tmp_path / "out")
    assert len(pq.read_table(tmp_path / "out" / "gpu0.parquet")) == 1740
    assert pq.read_table(tmp_path / "out" / "gpu0.2.parquet").to_pylist() == [
        {"stream": "gpu0", "t_ns": 99_000_000_000, "power_instant_watts": 1.0}
    ]


def test_what_no_descriptor_names_is_there_all_the_same(tmp_path: Path) -> None:
    page = Page(stream="gpu9", t_ns=[1, 2], data={"odd": [1, 2.5], "words": ["a", None]})
    export([recorded(tmp_path / "race.jsonl", [*story()[:-1], page, story()[-1]])], "parquet", tmp_path / "out")
    assert pq.read_table(tmp_path / "out" / "gpu9.parquet").to_pylist() == [
        {"stream": "gpu9", "t_ns": 1, "odd": 1.0, "words": "a"},
        {"stream": "gpu9", "t_ns": 2, "odd": 2.5, "words": None},
    ]


@pytest.mark.parametrize(
    ("stream", "columns", "cells", "words"),
    [
        ("gpu9", {"odd": Column(unit="", kind="gauge")}, {"odd": ["a word"]}, "does not fit"),
        ("rounds", {"odd": Column(unit="", kind="gauge")}, {"odd": [1]}, "no file can have the name"),
        ("../../gpu9", {"odd": Column(unit="", kind="gauge")}, {"odd": [1]}, "no file can have the name"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(
    stream: str, columns: dict[str, Column], cells: dict[str, list[Any]], words: str, tmp_path: Path
) -> None:
    strange = Descriptor(stream=stream, t_ns=0, source="nvml", columns=columns)
    page = Page(stream=stream, t_ns=[1], data=cells)
    race = recorded(tmp_path / "race.jsonl", [*story()[:-1], strange, page, Stop(t_ns=10**12, exit_status="success")])
    with pytest.raises(ExportError, match=words):
        export([race], "parquet", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["race.jsonl"]


def test_memory_holds_few_rows_however_many_there_are(tmp_path: Path) -> None:
    columns = {"power_instant_watts": Column(unit="W", kind="gauge")}
    rows = 3 * ROWS
    many = [
        Page(stream="gpu0", t_ns=list(range(k, k + 64)), data={"power_instant_watts": [1.0] * 64})
        for k in range(0, rows, 64)
    ]
    told = [story()[0], Descriptor(stream="gpu0", t_ns=0, source="nvml", columns=columns), *many]
    sizes: list[int] = []
    race = engine.recording.open(recorded(tmp_path / "race.jsonl", told))
    read_through(race, lambda descriptor, table: sizes.append(len(table)))
    assert sum(sizes) == rows and max(sizes) < ROWS + 64 * 16
