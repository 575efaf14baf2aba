"""What dies in a real race, and what the screen does then: real processes, killed with signal 9."""

import json
import os
import signal
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from story import start, story
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from engine.documents import encode
from integration.conftest import Races
from integration.killing import address
from integration.processes import wait_until

TOKEN = "the-presenters-token-in-tests"


class Hall:
    """One viewer that keeps every message, and the presenter."""

    def __init__(self, races: Races) -> None:
        self.races = races
        self.messages: list[dict[str, Any]] = []
        process = races.start("demo", races.demo(seconds=60), "--autostart", "--no-browser", "--port", "0")
        self.host = address(process)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        try:
            with connect(f"ws://{self.host}/ws") as socket:
                for message in socket:
                    self.messages.append(json.loads(message))
        except (ConnectionClosed, OSError):
            pass

    def frames(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == "frame"]

    def shown(self) -> dict[str, Any]:
        """The newest word on the fallback."""
        told = [message["show"]["fallback"] for message in self.messages if message.get("show")]
        return dict(told[-1]) if told else {}

    def until(self, condition: Any, what: str) -> None:
        wait_until(lambda: bool(self.frames()) and condition(self.frames()[-1]), seconds=30, what=what)

    def order(self, path: str, **content: Any) -> int:
        request = urllib.request.Request(
            f"http://{self.host}{path}",
            json.dumps(content).encode(),
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def kept(self) -> dict[str, Any]:
        """The recording as the presenter's page keeps it; nobody else gets it."""
        url = f"http://{self.host}/api/show/reserve"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(url, timeout=30)
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=200) as answer:
            return dict(json.loads(zlib.decompress(answer.read())))

    def kill(self, part: str, besides: str = "never") -> None:
        """Signal 9 for one process with `part` in its command line."""
        pids = [pid for pid, line in self.races.processes(part).items() if besides not in line]
        os.kill(min(pids), signal.SIGKILL)

    def runs(self) -> list[str]:
        """The runs that were on screen, in their order."""
        told = [frame["run"] for frame in self.frames() if frame["run"]]
        return [run for at, run in enumerate(told) if at == 0 or told[at - 1] != run]


@contextmanager
def hall(races: Races) -> Iterator[Hall]:
    races.environment["WATTRACE_TOKEN"] = TOKEN
    yield Hall(races)


@pytest.fixture
def reserve(races: Races) -> Path:
    """A recording of the test's demo, as a rehearsal keeps one."""
    head = start()
    told = [head.model_copy(update={"demo": {**head.demo, "name": "short"}}), *story(rounds="AB")[1:]]
    file = races.folder / "data" / "wattrace" / "fallback" / "short.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"".join(encode(document) for document in told))
    return file


def switched(file: Path) -> list[str]:
    """What the presenter put on screen, by the marks in the race's recording."""
    marks = [json.loads(line) for line in file.read_bytes().splitlines() if b'"control"' in line]
    return [mark["data"]["to"] for mark in marks if mark["state"] == "fallback"]


def not_mixed(hall: Hall, recorded: str) -> None:
    """Live and replay are two runs, each under its own badge, and each with its own time."""
    newest: dict[str, int] = {}
    told: str | None = None
    for message in hall.messages:
        if message["type"] == "hello":
            told = message["run"]["id"] if message["run"] else None
            newest.pop(told or "", None)  # what it had is told again
            assert message["frame"]["run"] == told
            power = message["history"]
        elif message["type"] == "frame":
            assert message["replay"] is (message["run"] == recorded)
            if message["run"] != told:  # a page draws nothing of a run before it has been told of it
                continue
            power = message["power"]
        else:
            continue
        if power["t_ns"] and told:
            assert all(earlier < later for earlier, later in zip(power["t_ns"], power["t_ns"][1:], strict=False))
            assert power["t_ns"][0] > newest.get(told, -1)
            newest[told] = power["t_ns"][-1]


PARTS = {
    "the race process was killed by SIGKILL": ("--stream", "--paused"),
    "the sampler process was killed by SIGKILL": ("engine.sampler", "never"),
    "arm A: its process was killed by SIGKILL": ("engine.simulator", "engine.leash"),
}


def test_whatever_dies_the_screen_says_why_and_the_recording_takes_over(races: Races, reserve: Path) -> None:
    recorded = start().run
    with hall(races) as show:
        assert show.order("/api/show/fallback", automatic=True) == 200
        for why, (pattern, besides) in PARTS.items():
            show.until(lambda frame: frame["state"] == "racing", "the race is on")
            wait_until(lambda: show.races.processes("--paused"), what="the recording stands ready")
            wait_until(lambda: show.shown()["why"] == "", what="all is well")
            assert show.shown()["available"] and show.shown()["file"] == "short.jsonl"
            show.kill(pattern, besides)
            show.until(lambda frame: frame["run"] == recorded, "the recording is on screen")
            wait_until(lambda: show.shown()["on"], what="the page says that it is the fallback")
            wait_until(lambda why=why: show.shown()["why"].startswith(why), what=f"the page says that {why}")
            before = len(show.frames())
            wait_until(lambda before=before: len(show.frames()) > before + 20, what="a second passes")
            assert {frame["run"] for frame in show.frames()[before:]} == {recorded}, "live comes back by hand only"
            assert show.order("/api/show/fallback", to="live") == 200
            show.until(lambda frame: frame["run"] != recorded, "the race is on screen again")
            show.order("/api/run/stop")  # without a sampler it goes on, though without watts
            show.until(lambda frame: frame["state"] in {"failed", "aborted"}, "it has ended")
            wait_until(lambda: show.order("/api/run/start") == 202, what="the next race begins")
        assert len(show.runs()) >= 2 * len(PARTS)
        not_mixed(show, recorded)


def test_by_hand_the_race_goes_on_behind_the_recording_and_is_recorded(races: Races, reserve: Path) -> None:
    recorded = start().run
    with hall(races) as show:
        show.until(lambda frame: frame["state"] == "racing", "the race is on")
        wait_until(lambda: show.shown()["available"], what="a recording stands by")
        kept = show.kept()
        assert kept["run"]["id"] == recorded and kept["frames"] and all(frame["replay"] for frame in kept["frames"])
        live = show.frames()[-1]["run"]
        assert show.order("/api/show/fallback", to="nowhere") == 400
        assert show.order("/api/show/fallback", to="replay") == 200
        show.until(lambda frame: frame["run"] == recorded, "the recording is on screen")
        assert show.order("/api/replay", speed=10, loop=True) == 200, "the replay's orders are for what is on screen"
        [file] = (races.folder / "data" / "wattrace" / "recordings").glob("*.jsonl")
        size = file.stat().st_size
        wait_until(lambda: file.stat().st_size > size + 20_000, what="the race goes on and is recorded")
        wait_until(lambda: show.shown().get("live") == "racing", what="the console can see how the race is")
        assert show.order("/api/show/fallback", to="live") == 200
        show.until(lambda frame: frame["run"] == live and frame["state"] == "racing", "the race is on screen again")
        assert show.runs() == [live, recorded, live]
        not_mixed(show, recorded)
        wait_until(lambda: switched(file) == ["replay", "live"], what="the recording has what the presenter did")
        assert b'{"speed":10,"loop":true}' in file.read_bytes(), "and how the recording was played meanwhile"
        assert show.order("/api/replay", speed=10) == 409, "no replay is on screen any more"
        wait_until(lambda: not races.processes("--paused"), what="the player has ended")
