"""Every shipped demo races on the simulated device, from its own file: shortened, and otherwise as it is."""

import gc
from pathlib import Path

import pytest

from engine.config import Demo, demo_names, load_demo
from engine.headless import RaceOptions, race

SHORT = {"round_requests": None, "baseline_seconds": 0.3, "warm_up_seconds": 0.0}


def shortened(demo: Demo) -> Demo:
    """`demo` with one short turn for each arm; a command is started in its turn, which may take seconds."""
    seconds = 5.0 if demo.arms[0].runtime == "command" else 1.0
    once = {**SHORT, "round_seconds": seconds, "rounds": len(demo.arms), "cooldown_timeout_seconds": 0.0}
    return demo.model_copy(update={"schedule": demo.schedule.model_copy(update=once)})


@pytest.mark.parametrize("name", demo_names())
async def test_a_demo_races_on_the_simulated_device(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTRACE_DATA", str(tmp_path))
    short, demo = load_demo(name)
    ending, _, raced = await race(short, shortened(demo), RaceOptions(simulate=True, out=tmp_path / "race.jsonl"))
    gc.unfreeze()  # a race freezes what there is, which is this whole test session
    assert (ending.status, ending.reason) == ("success", "")
    assert raced.ledger.stop is not None and raced.plan.power == "simulated" and raced.plan.notes == []
    for label in demo.labels:
        figures = raced.ledger.figures(label)
        assert figures.rounds == 1 and figures.units > 0, label
        assert figures.joules_per_unit is not None and figures.joules_per_unit > 0, label
