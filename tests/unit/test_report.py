"""The report's file: what is in it is what `compare` says, and nothing in a recording can become more than text."""

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from evil import BREAKOUT, SCRIPT, evil, recorded
from story import story
from typer.testing import CliRunner

from engine.errors import RecordingError
from engine.footprint import Electricity, grid_told, price_told
from server.cli.root import app
from server.report import read_facts, report_html, report_markdown, tape, written

ELECTRICITY = Electricity(grid_told("40-80, RTE 2025", place=SCRIPT), price_told("0.2-0.3 EUR"))
TAGS_OF_OURS = {"script", "style", "meta", "svg", "path", "line", "rect", "text", "title", "g"}


class Read(HTMLParser):
    """What a browser would make of the page: its elements, and the text in each that has an id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: dict[str, str] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        name = dict(attrs).get("id")
        self._open = f"#{name}" if name else tag

    def handle_data(self, data: str) -> None:
        self.blocks[self._open] = self.blocks.get(self._open, "") + data

    def values(self) -> list[float]:
        return [float(attrs["value"]) for tag, attrs in self.tags if tag == "data" and attrs.get("value")]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("report"), evil())


@pytest.fixture(scope="module")
def made(recording: Path) -> str:
    return report_html(read_facts(recording, ELECTRICITY)).decode()


@pytest.fixture(scope="module")
def read(made: str) -> Read:
    return Read(made)


@pytest.fixture(scope="module")
def compared(recording: Path) -> dict[str, Any]:
    """What `wattrace compare --json` prints."""
    run = CliRunner().invoke(app, ["compare", str(recording), "--json"])
    assert run.exit_code == 0, run.output
    found: dict[str, Any] = orjson.loads(run.stdout_bytes)
    return found


def numbers(value: object) -> list[float]:
    """Every number in it."""
    if isinstance(value, dict):
        return [number for each in value.values() for number in numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in numbers(each)]
    return [float(value)] if isinstance(value, int | float) else []


def test_nothing_in_a_recording_becomes_an_element(read: Read) -> None:
    assert [tag for tag, _ in read.tags if tag in {"img", "iframe", "object", "link", "base", "form"}] == []
    assert [attrs for _, attrs in read.tags if any(name.startswith("on") or name == "style" for name in attrs)] == []
    assert [attrs.get("id") for tag, attrs in read.tags if tag == "script"] == [
        "tape",
        "outcome",
        "footprint",
        "reasons",
        None,
    ]


def test_what_was_said_is_read_as_it_was_said(read: Read) -> None:
    assert read.blocks["#title"] == SCRIPT
    assert read.blocks["#learn"] == BREAKOUT.replace("\x00", " ").replace("\x1b", " ")
    assert any(SCRIPT in text for text in read.blocks.values())


def test_no_address_is_in_it(made: str, read: Read) -> None:
    """Nothing to fetch: no element names a place, and the policy would allow none."""
    assert [attrs for _, attrs in read.tags if {"src", "href", "action", "srcset"} & set(attrs)] == []
    assert "url(" not in made.partition("</style>")[0]


def test_the_policy_allows_just_its_own_script_and_style(made: str, read: Read) -> None:
    policy = next(attrs["content"] for tag, attrs in read.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'; ")
    script = made[made.rindex("<script>") + 8 : made.rindex("</script>")]
    style = made[made.index("<style>") + 7 : made.index("</style>")]
    for content in (script, style):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy and "http" not in policy


def test_its_figures_are_those_of_compare_to_the_last_bit(read: Read, compared: dict[str, Any]) -> None:
    assert orjson.loads(read.blocks["#outcome"]) == compared
    told = json.loads(read.blocks["#footprint"])
    derived = [arm["energy_above_idle_joules"] / arm["tokens"] for arm in compared["arms"]]
    known = {*numbers(compared), *numbers(told), *derived}
    shown = read.values()
    assert len(shown) > 80
    assert [value for value in shown if value not in known] == []


def test_the_footprint_is_that_of_compare(recording: Path, read: Read) -> None:
    options = ["--place", SCRIPT, "--carbon", "40-80, RTE 2025", "--price", "0.2-0.3 EUR"]
    run = CliRunner().invoke(app, ["compare", str(recording), "--json", *options])
    assert json.loads(read.blocks["#footprint"]) == orjson.loads(run.stdout_bytes)["footprint"]
    table = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["compare", str(recording), *options]).output
    assert "g CO2e" in table and "RTE 2025" in table and "1,000 answers" in table


def test_the_settings_do_what_the_options_do(recording: Path) -> None:
    runner = CliRunner(env={"WATTRACE_CARBON": "56", "WATTRACE_PRICE": "0.25 CHF, our contract 2026"})
    found = orjson.loads(runner.invoke(app, ["compare", str(recording), "--json"]).stdout_bytes)["footprint"]
    assert (found["grid"]["grams_per_kwh"], found["price"]["currency"]) == (56.0, "CHF")
    wrong = CliRunner(env={"WATTRACE_PRICE": "a lot"}).invoke(app, ["compare", str(recording)])
    assert "price" in str(wrong.exception)


def test_the_replay_holds_the_race_from_before_its_first_round_to_its_end(read: Read) -> None:
    tape = json.loads(zlib.decompress(base64.b64decode(read.blocks["#tape"])))
    frames, power = tape["frames"], tape["power"]
    assert frames[-1]["state"] == "done" and frames[-1]["run_t_ns"] == tape["end"]
    assert len(frames) >= 4 * (tape["end"] - tape["begin"]) / 1e9 - 2
    assert all(later["run_t_ns"] > sooner["run_t_ns"] for sooner, later in pairwise(frames))
    assert set(power["arm"]) == {None, "A", "B"} and max(power["max"]) == 400.0
    assert frames[-1]["arms"]["A"]["text"].startswith("</script>") or SCRIPT[:20] in frames[-1]["arms"]["A"]["text"]


def test_a_race_that_was_cut_off_says_so_everywhere(tmp_path: Path) -> None:
    facts = read_facts(recorded(tmp_path, evil(stop=False)))
    page = report_html(facts).decode()
    assert "cut off" in page.partition("<section")[2] and 'data-cut="the recording was cut off' in page
    assert "NOT COMPLETE" in report_markdown(facts)


def test_without_a_power_sensor_it_is_a_report_of_speed(tmp_path: Path) -> None:
    facts = read_facts(recorded(tmp_path, story(power=False)))
    page, text = report_html(facts).decode(), report_markdown(facts)
    assert "No power sensor" in page and "No power sensor" in text and "| — |" in text


def test_a_simulated_race_says_so_first(made: str) -> None:
    assert made.index("SIMULATED") < made.index('id="paper"')


def test_markdown_shows_it_as_text(recording: Path) -> None:
    text = report_markdown(read_facts(recording, ELECTRICITY))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1, rows
    assert "<" not in re.sub(r"\\<", "", text)
    assert "SIMULATED" in text and "95 %" in text


def test_what_is_no_race_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(RecordingError):
        read_facts(tmp_path / "nothing.jsonl")


def test_a_report_never_takes_the_place_of_its_recording(recording: Path, tmp_path: Path) -> None:
    before = recording.read_bytes()
    with pytest.raises(RecordingError, match="is the recording itself"):
        written(recording, b"report", recording=recording)
    assert recording.read_bytes() == before
    out = tmp_path / "report.html"
    written(out, b"one", recording=recording)
    written(out, b"two", recording=recording)
    assert out.read_bytes() == b"two" and [path.name for path in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(RecordingError, match="cannot be written"):
        written(tmp_path / "no folder" / "report.html", b"", recording=recording)


def test_the_command_knows_formats_by_their_names(recording: Path, tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["report", str(recording), "--out", str(tmp_path / "race.md")])
    assert made.exit_code == 0 and (tmp_path / "race.md").read_text().startswith("## ")
    assert CliRunner().invoke(app, ["report", str(recording), "--out", str(tmp_path / "race.doc")]).exit_code == 2


def test_of_a_long_race_fewer_frames_are_kept_and_the_last_one_always(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tape, "MOST_FRAMES", 20)
    monkeypatch.setattr(tape, "MOST_BUCKETS", 100)
    facts = read_facts(recording)
    content = orjson.loads(facts.tape.content())
    times = [frame["run_t_ns"] for frame in content["frames"]]
    assert 10 <= len(times) <= 21 and times == sorted(set(times)) and times[-1] == content["end"]
    assert content["frames"][-1]["state"] == "done"
    assert len(content["power"]["t_ns"]) <= 130
    assert facts.outcome == read_facts(recording).outcome
