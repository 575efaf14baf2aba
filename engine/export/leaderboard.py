"""A leaderboard: static JSON (an index, and a file for each recording) and a page that shows it on any static host."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from engine import __version__
from engine.errors import ExportError
from engine.export.about import about
from engine.outcome import facts
from engine.recording import Recording

_VERSION = 1
_PAGE = Path(__file__).with_name("leaderboard.html")


def export_leaderboard(recordings: Sequence[Recording], folder: Path) -> None:
    """Write `index.json`, `runs/RUN.json` for each recording, and `index.html` into `folder`."""
    (folder / "runs").mkdir()
    listed = []
    for recording in recordings:
        name = f"runs/{re.sub(r'[^A-Za-z0-9._-]', '_', recording.start.run)}.json"
        if (folder / name).exists():
            raise ExportError(recording.path, "is of a run that another of the files is of; leave one of them out")
        came_of_it = {name: recording.summary()[name] for name in ("arms", "verdicts")}
        whole = {"version": _VERSION, **about(recording), "facts": facts(recording.start), **came_of_it}
        (folder / name).write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2))
        listed.append({"file": name, **_entry(recording)})
    index = {"format": "wattrace leaderboard", "version": _VERSION, "wattrace_version": __version__, "runs": listed}
    (folder / "index.json").write_bytes(orjson.dumps(index, option=orjson.OPT_INDENT_2))
    (folder / "index.html").write_bytes(_PAGE.read_bytes())


def _entry(recording: Recording) -> dict[str, Any]:
    """What a table of all runs shows of one."""
    told, summary = about(recording), recording.summary()
    kept = ("run", "utc", "simulated", "complete", "cut_off", "exit_status")
    return {
        **{name: told[name] for name in kept},
        "demo": recording.start.demo.get("name"),
        "title": recording.start.demo.get("title"),
        **facts(recording.start),
        "arms": [_arm(arm) for arm in summary["arms"]],
        "verdicts": [{name: verdict[name] for name in ("metric", "text")} for verdict in summary["verdicts"]],
    }


def _arm(arm: Mapping[str, Any]) -> dict[str, Any]:
    unit = arm["unit"] if arm["unit"] == "token" else "unit"
    figures = ("label", "name", "unit", "rounds", "seconds", "energy_joules", "uncertainty_joules", "power_watts")
    more = (f"{unit}s", f"joules_per_{unit}", f"{unit}s_per_second", "ttft_seconds", "itl_seconds", "e2e_seconds")
    return {name: arm.get(name) for name in (*figures, *more, "attributable", "reasons")}
