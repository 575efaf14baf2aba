"""What can be shown, what is next, and the speaker's notes, which nobody else gets."""

from functools import partial
from pathlib import Path

import orjson
import pytest

from engine.config import Demo, demo_names, load_demo, with_schedule
from engine.errors import ConfigError, DemoNotFound
from server.presenter.programme import Programme

FILE = """
title: Mine <b>
notes: What only I should see
steps: [first, then]
model: {gpu: m}
arms:
  - {name: one, runtime: simulated}
  - {name: two, runtime: simulated}
"""


def programme(given: str | None = None) -> Programme:
    return Programme(
        given,
        planned=partial(with_schedule, rounds=8),
        simulates=lambda name, demo: True,
        doctor=lambda name: ["doctor", name],
    )


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text(FILE)
    return file


def test_the_given_one_is_first_and_the_shipped_ones_can_be_picked(mine: Path) -> None:
    shows = programme(str(mine))
    assert [entry["name"] for entry in shows.entries()] == ["mine", *demo_names()]
    assert shows.picked == "mine" and shows.argument() == str(mine) and shows.doctor() == ["doctor", str(mine)]
    assert shows.script("mine") == {"notes": "What only I should see", "steps": ["first", "then"]}
    info = shows.pick("eager-vs-graphs")
    assert (info.name, info.simulated, shows.picked) == ("eager-vs-graphs", True, "eager-vs-graphs")
    assert shows.argument() == "eager-vs-graphs"
    assert info.schedule["rounds"] == 8, "as it would be raced, not as its file has it"


def test_a_browser_opens_no_file_of_this_machine(mine: Path) -> None:
    shows = programme()
    for name in (str(mine), "../../etc/passwd", "", "nothing"):
        with pytest.raises(DemoNotFound):
            shows.pick(name)
        assert shows.script(name) == {"notes": "", "steps": []}
        if name:
            with pytest.raises(DemoNotFound):
                shows.doctor(name)
    assert shows.picked == demo_names()[0]


def test_a_file_that_has_become_wrong_is_left_out(mine: Path) -> None:
    shows = programme(str(mine))
    mine.write_text("nonsense")
    assert "mine" not in [entry["name"] for entry in shows.entries()]
    with pytest.raises(ConfigError):
        shows.pick("mine")


def test_notes_and_steps_are_in_no_recording(mine: Path) -> None:
    _, demo = load_demo(str(mine))
    assert isinstance(demo, Demo) and demo.notes
    told = orjson.dumps(demo.told()).decode()
    assert "What only I should see" not in told and "first" not in told


@pytest.mark.parametrize("name", ["batch-1-vs-8", "eager-vs-graphs"])
def test_the_first_demos_have_a_script(name: str) -> None:
    script = programme().script(name)
    assert len(script["steps"]) >= 4 and len(script["notes"].strip().splitlines()) >= 3
