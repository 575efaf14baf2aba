"""Perfetto and OpenMetrics: what their own parsers read back is what the recording tells."""

import shutil
from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from odd_race import odd_documents, odd_race
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent
from perfetto.trace_processor import TraceProcessor, TraceProcessorConfig
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from recordings import recorded
from story import SECOND

import engine.recording
from engine.documents import Page
from engine.export import export
from engine.recording import Recording

Event = tuple[int, Any]


@pytest.fixture(scope="module")
def race(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return engine.recording.open(odd_race(tmp_path_factory.mktemp("race") / "race.jsonl"))


class Read:
    """A trace, read back: events by the path of their track."""

    def __init__(self, path: Path) -> None:
        self.trace = Trace.FromString(path.read_bytes())
        self.names: dict[int, str] = {}
        self.units: dict[str, str] = {}
        self.events: dict[str, list[tuple[int, TrackEvent]]] = defaultdict(list)
        for packet in self.trace.packet:
            if packet.HasField("track_descriptor"):
                told = packet.track_descriptor
                above = f"{self.names[told.parent_uuid]}/" if told.HasField("parent_uuid") else ""
                assert told.uuid not in self.names
                self.names[told.uuid] = above + told.name
                if told.HasField("counter"):
                    self.units[above + told.name] = told.counter.unit_name
            elif packet.HasField("track_event"):
                self.events[self.names[packet.track_event.track_uuid]].append((packet.timestamp, packet.track_event))

    def track(self, ending: str) -> str:
        (found,) = (name for name in self.names.values() if name.endswith(ending))
        return found

    def counter(self, ending: str) -> list[tuple[int, float]]:
        return [(t_ns, event.double_counter_value) for t_ns, event in self.events[self.track(ending)]]

    def slices(self, ending: str) -> list[tuple[str, int, int]]:
        """Name, begin and end, outer ones first, as Perfetto nests them: by time, then in the order of writing."""
        open_ones: list[tuple[str, int]] = []
        found = []
        for t_ns, event in sorted(self.events[self.track(ending)], key=lambda each: each[0]):
            if event.type == TrackEvent.TYPE_SLICE_BEGIN:
                open_ones.append((event.name, t_ns))
            elif event.type == TrackEvent.TYPE_SLICE_END:
                name, begin = open_ones.pop()
                found.append((begin, len(open_ones), name, t_ns))
        assert not open_ones
        return [(name, begin, end) for begin, _, name, end in sorted(found)]


@pytest.fixture(scope="module")
def trace(race: Recording, tmp_path_factory: pytest.TempPathFactory) -> Read:
    out = tmp_path_factory.mktemp("perfetto") / "out"
    export([race.path], "perfetto", out)
    return Read(out / "trace.pftrace")


def told(stream: str, column: str) -> list[tuple[int, Any]]:
    pages = (d for d in odd_documents() if isinstance(d, Page) and d.stream == stream)
    return [row for page in pages for row in zip(page.t_ns, page.data[column], strict=True)]


def test_counters_hold_what_was_read(trace: Read) -> None:
    counter = trace.counter("gpu0 (gpu0)/power_instant_watts")
    at, held = 0, []
    for t_ns, value in told("gpu0", "power_instant_watts"):
        while at + 1 < len(counter) and counter[at + 1][0] <= t_ns:
            at += 1
        held.append((t_ns, counter[at][1]) == (t_ns, value))
    assert all(held) and len(counter) < len(held)
    assert trace.units[trace.track("gpu0 (gpu0)/power_instant_watts")] == "W"


def test_missing_readings_are_slices_and_no_values(trace: Read) -> None:
    gone = [t_ns for t_ns, value in told("gpu0.slow", "temperature_celsius") if value is None]
    counter = trace.counter("/temperature_celsius")
    assert not [t_ns for t_ns, _ in counter if t_ns in gone] and {value for _, value in counter} == {40.0}
    ((name, begin, end),) = trace.slices("/temperature_celsius: missing")
    assert name == "no reading" and begin == gone[0] and gone[-1] < end <= gone[-1] + SECOND // 10


def test_tokens_per_second_add_up(trace: Read, race: Recording) -> None:
    for arm in race.summary()["arms"]:
        rate = trace.counter(f"arm {arm['label']}: tokens/s (over 0.1 s)")
        steps = pairwise(rate)
        tokens = sum(value * (later - t_ns) / SECOND for (t_ns, value), (later, _) in steps)
        assert round(tokens) == arm["requests"]["completion_tokens"] and rate[-1][1] == 0.0


def test_rounds_have_their_steady_state_inside(trace: Read, race: Recording) -> None:
    figures = race.summary()["arms"][1]["per_round"]
    slices = trace.slices("arm B: two/rounds")
    assert [name for name, _, _ in slices] == ["round 2", "steady state", "round 3", "steady state"]
    for (_, begin, end), (_, steady_begin, steady_end), found in zip(slices[::2], slices[1::2], figures, strict=True):
        assert (steady_begin, steady_end) == (found["steady"]["start_t_ns"], found["steady"]["end_t_ns"])
        assert (begin, end) == (found["total"]["start_t_ns"], found["total"]["end_t_ns"])


def test_requests_have_prefill_and_decode(trace: Read) -> None:
    first, second = trace.slices("arm A: one/requests 1"), trace.slices("arm A: one/requests 2")
    assert [name for name, _, _ in first[:3]] == ["request 1: finished", "prefill, with queueing", "decode"]
    (_, begin, end), (_, prefill, answered), (_, decode, last) = first[:3]
    assert begin == prefill < answered == decode < last <= end
    # Two that overlap with it are on tracks of their own; the one that was withdrawn has no decode.
    assert [name for name, _, _ in second[:3]] == ["request 100: failed", "prefill, with queueing", "decode"]
    third = trace.slices("arm A: one/requests 3")
    assert [name for name, _, _ in third[:2]] == ["request 101: withdrawn", "prefill, with queueing"]
    assert "decode" not in [name for name, _, _ in third]


def test_perfettos_own_queries_find_rounds_and_watts(race: Recording, tmp_path: Path) -> None:
    program = shutil.which("trace_processor_shell") or shutil.which("trace_processor")
    if program is None:
        pytest.skip("Perfetto's trace_processor_shell is a downloaded program, and is not installed here")
    export([race.path], "perfetto", tmp_path / "out")
    config = TraceProcessorConfig(bin_path=program)
    with TraceProcessor(trace=str(tmp_path / "out" / "trace.pftrace"), config=config) as asked:
        (rounds,) = asked.query("SELECT count(*) AS n FROM slice WHERE name GLOB 'round *'")
        watts = asked.query(
            "SELECT max(value) AS most FROM counter JOIN counter_track ON counter.track_id = counter_track.id "
            "WHERE counter_track.name GLOB 'power_instant_watts*'"
        )
        assert rounds.n == len(race.rounds())
        assert next(iter(watts)).most == race.samples("power_instant_watts").values[()].max()


def test_the_trace_says_what_it_is_and_when_it_was(trace: Read, race: Recording, tmp_path: Path) -> None:
    assert trace.names[1] == f"wattrace, {race.start.run}, SIMULATED power and arms"
    clocks = {clock.clock_id: clock.timestamp for clock in trace.trace.packet[0].clock_snapshot.clocks}
    assert clocks == {6: 0, 3: 0, 1: _unix_ns(race)}
    cut = odd_race(tmp_path / "cut.jsonl", cut=True)
    export([cut], "perfetto", tmp_path / "out")
    assert "CUT OFF" in Read(tmp_path / "out" / "trace.pftrace").names[1]


def _unix_ns(race: Recording) -> int:
    return int(datetime.fromisoformat(race.start.utc).astimezone(UTC).timestamp()) * SECOND


@pytest.fixture(scope="module")
def metrics(race: Recording, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Metric]:
    out = tmp_path_factory.mktemp("metrics") / "out"
    export([race.path], "openmetrics", out)
    text = (out / "metrics.txt").read_text(encoding="utf-8")
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_every_reading_is_a_sample_with_its_time(metrics: dict[str, Metric], race: Recording) -> None:
    for stream, column, family in (
        ("gpu1", "power_instant_watts", "wattrace_power_instant_watts"),
        ("gpu1", "energy_joules", "wattrace_energy_joules"),
        ("gpu0.slow", "temperature_celsius", "wattrace_temperature_celsius"),
    ):
        wanted = [(t_ns, value) for t_ns, value in told(stream, column) if value is not None]
        samples = [sample for sample in metrics[family].samples if sample.labels["stream"] == stream]
        times = [sample.timestamp.sec * SECOND + sample.timestamp.nsec - _unix_ns(race) for sample in samples]
        assert list(zip(times, (sample.value for sample in samples), strict=True)) == wanted
        assert {sample.labels["simulated"] for sample in samples} == {"true"}
    assert metrics["wattrace_energy_joules"].type == "counter" and metrics["wattrace_energy_joules"].unit == "joules"


def test_tokens_are_counted_up(metrics: dict[str, Metric], race: Recording) -> None:
    for arm in race.summary()["arms"]:
        samples = [s.value for s in metrics["wattrace_streamed_tokens"].samples if s.labels["arm"] == arm["label"]]
        assert samples == sorted(samples) and samples[-1] == arm["requests"]["completion_tokens"]


def test_labels_may_hold_anything(tmp_path: Path) -> None:
    (start, *rest) = odd_documents()
    name = 'a "b"\\\nc'
    demo = {**start.demo, "name": name}
    race = recorded(tmp_path / "race.jsonl", [start.model_copy(update={"demo": demo}), *rest])
    export([race], "openmetrics", tmp_path / "out")
    text = (tmp_path / "out" / "metrics.txt").read_text(encoding="utf-8")
    info = next(family for family in text_string_to_metric_families(text) if family.name == "wattrace_run")
    assert info.samples[0].labels["demo"] == name
