"""A recording as tables: what is asked for is what was told, missing values are missing, and windows are exact."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from recordings import recorded
from story import SECOND, TOKENS_PER_SECOND, WATTS, descriptors, start, story

import engine.recording
from engine.documents import Cell, Column, Descriptor, Mark, MarkKind, Page, Stop
from engine.errors import PackageMissing, RecordingError
from engine.outcome import outcome, read_race
from engine.recording import Recording, outline


@pytest.fixture(scope="module")
def race(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return engine.recording.open(recorded(tmp_path_factory.mktemp("race") / "race.jsonl"))


def test_it_says_what_it_is(race: Recording) -> None:
    assert race.start == start() and race.cut_off is None
    assert race.stop is not None and race.stop.exit_status == "success"
    assert list(race.descriptors) == [d.stream for d in descriptors()]
    assert race.marks == [d for d in story() if isinstance(d, Mark)]
    assert list(race.documents())[:-1] == story()[:-1]


def test_samples_are_every_reading_with_its_time(race: Recording) -> None:
    told = [(t, w) for p in story() if isinstance(p, Page) and p.stream == "gpu0" for t, w in _rows(p)]
    samples = race.samples("power_instant_watts")
    assert samples.t_ns.tolist() == [t for t, _ in told] and samples.values.tolist() == [w for _, w in told]
    assert samples.t_ns.dtype == np.int64 and samples.values.dtype == np.float64
    assert set(samples["stream"]) == {"gpu0"} and samples.units["power_instant_watts"] == "W"


def _rows(page: Page) -> list[tuple[int, Cell]]:
    return list(zip(page.t_ns, page.data["power_instant_watts"], strict=True))


def test_one_metric_of_several_streams_and_of_one(race: Recording) -> None:
    both, one = race.samples("tokens"), race.samples("tokens", stream="text.B")
    assert len(both) == 2 * 405 + 2 * 2025 and set(both["stream"]) == {"text.A", "text.B"}
    assert len(one) == 2 * 2025 and one.values.sum() == 2 * 2025


def test_a_window_is_what_a_look_through_all_of_it_finds(race: Recording) -> None:
    whole = race.samples("energy_joules")
    for begin, end in ((3 * SECOND, 4 * SECOND), (0, 0), (1_995_000_000, 2_000_000_000), (17 * SECOND, 99 * SECOND)):
        part = race.samples("energy_joules", from_ns=begin, to_ns=end)
        inside = (whole.t_ns >= begin) & (whole.t_ns <= end)
        assert part.t_ns.tolist() == whole.t_ns[inside].tolist()
        assert part.values.tolist() == whole.values[inside].tolist()
    told = list(race.documents(from_ns=5 * SECOND, to_ns=5_050_000_000))
    assert any(isinstance(d, Mark) and d.kind is MarkKind.ROUND_END for d in told), "a span that reaches into it"


def test_requests_are_rows(race: Recording) -> None:
    requests = race.requests()
    assert requests["request"].tolist() == [1, 2, 3, 4] and list(requests["arm"]) == list("ABBA")
    assert set(requests["state"]) == {"finished"} and requests["ttft_seconds"].tolist() == [0.05] * 4
    assert requests["completion_tokens"].tolist() == requests["chunks"].tolist() == [405, 2025, 2025, 405]


def test_rounds_are_rows_with_the_summarys_figures(race: Recording) -> None:
    rounds, summary = race.rounds(), race.summary()
    assert rounds["round"].tolist() == [1, 2, 3, 4] and list(rounds["arm"]) == list("ABBA")
    for arm in summary["arms"]:
        rows = [n for n, label in enumerate(rounds["arm"]) if label == arm["label"]]
        told = [each["steady"]["energy_joules"] for each in arm["per_round"]]
        assert rounds["steady_energy_joules"][rows].tolist() == told
        assert rounds["steady_power_watts_mean"][rows].tolist() == [WATTS[arm["label"]]] * 2
        assert rounds["steady_tokens_per_second"][rows] == pytest.approx(TOKENS_PER_SECOND[arm["label"]], rel=0.01)


def test_the_summary_that_the_run_told_is_what_follows_from_its_samples(race: Recording) -> None:
    read = read_race(race.path)
    assert race.summary() == outcome(read.ledger, read.cut_off)
    assert race.summary()["complete"] is True and len(race.summary()["verdicts"]) > 0


def test_batches_are_all_rows_in_pieces(race: Recording) -> None:
    pieces = list(race.batches(rows=500))
    assert max(len(table) for _, table in pieces) < 600
    for stream in race.descriptors:
        times = [t for name, table in pieces if name == stream for t in table.t_ns.tolist()]
        assert times == race.stream(stream).t_ns.tolist()


def odd(path: Path) -> Recording:
    """Missing values, integers beyond a float's, and a column that comes late."""
    columns = {name: Column(unit="B", kind="gauge") for name in ("whole", "real", "late")}
    text = {"words": Column(unit="", kind="text")}
    pages = [
        Page(stream="x", t_ns=[1, 2], data={"whole": [2**53 + 1, None], "real": [None, 1], "words": [None, "ä"]}),
        Page(stream="x", t_ns=[3], data={"whole": [3], "real": [2.5], "words": ["b"], "late": [7]}),
    ]
    described = Descriptor(stream="x", t_ns=0, source="client", columns={**columns, **text})
    return engine.recording.open(recorded(path, [start(), described, *pages, Stop(t_ns=4, exit_status="success")]))


def test_missing_is_missing_and_integers_stay_what_they_are(tmp_path: Path) -> None:
    table = odd(tmp_path / "odd.jsonl").stream("x")
    arrow = table.to_arrow()
    assert arrow.column("whole").to_pylist() == [2**53 + 1, None, 3]
    assert arrow.column("real").to_pylist() == [None, 1.0, 2.5]
    assert arrow.column("late").to_pylist() == [None, None, 7]
    assert arrow.column("words").to_pylist() == [None, "ä", "b"]
    assert [str(arrow.schema.field(name).type) for name in ("t_ns", "whole", "real")] == ["int64", "int64", "double"]
    assert arrow.schema.field("whole").metadata == {b"unit": b"B"}
    assert np.isnan(table["whole"][1]) and np.isnan(table["real"][0])


def test_the_same_table_for_pandas(race: Recording) -> None:
    frame = race.samples("power_instant_watts").to_pandas()
    assert list(frame.columns) == ["stream", "t_ns", "power_instant_watts"] and len(frame) == 1740
    assert isinstance(race.requests().to_arrow(), pa.Table)


def test_the_same_table_for_polars(race: Recording, tmp_path: Path) -> None:
    frame = race.samples("power_instant_watts").to_polars()
    assert frame.columns == ["stream", "t_ns", "power_instant_watts"] and frame.height == 1740
    assert frame["t_ns"].to_list() == race.samples("power_instant_watts").t_ns.tolist()
    strange = odd(tmp_path / "odd.jsonl").stream("x").to_polars()
    assert strange["whole"].to_list() == [2**53 + 1, None, 3] and strange["words"].to_list() == [None, "ä", "b"]


def test_a_package_that_is_not_there_is_named_with_its_extra(race: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(PackageMissing, match=r"polars is not installed; pip install 'wattrace\[export\]'"):
        race.requests().to_polars()


def test_what_there_is_not_is_named_with_what_there_is(race: Recording) -> None:
    with pytest.raises(
        RecordingError, match="has no temperature_celsius in any of its streams; there are energy_joules, "
    ):
        race.samples("temperature_celsius")
    with pytest.raises(RecordingError, match=r"has no stream 'gpu7'; there are gpu0, text\.A, text\.B"):
        race.stream("gpu7")


def test_of_a_file_that_grows_only_what_is_new_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = recorded(tmp_path / "whole.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "grows.jsonl"
    path.write_bytes(b"".join(lines[:300]) + lines[300][:20])
    growing, decoded = engine.recording.open(path), list[int]()
    decode = outline.decode_line
    monkeypatch.setattr(outline, "decode_line", lambda line, **k: decoded.append(k["number"]) or decode(line, **k))
    before = growing.marks
    with path.open("ab") as file:
        file.write(lines[300][20:] + b"".join(lines[301:]))
    assert len(growing.marks) > len(before) > 3
    assert decoded == sorted(set(decoded)), "no line is decoded twice"
    assert growing.marks == engine.recording.open(tmp_path / "whole.jsonl").marks


def test_a_file_that_grows_is_read_anew(tmp_path: Path) -> None:
    whole = recorded(tmp_path / "whole.jsonl").read_bytes()
    path = tmp_path / "grows.jsonl"
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:100]))
    growing = engine.recording.open(path)
    before = len(growing.samples("power_instant_watts")), len(growing.samples("tokens", from_ns=0, to_ns=10 * SECOND))
    assert growing.cut_off is not None and growing.summary()["complete"] is False
    path.write_bytes(whole)
    after = len(growing.samples("power_instant_watts")), len(growing.samples("tokens", from_ns=0, to_ns=10 * SECOND))
    assert growing.cut_off is None and growing.summary()["complete"] is True
    assert growing.marks == engine.recording.open(path).marks
    assert after[0] == 1740 > before[0] and after[1] > before[1]
