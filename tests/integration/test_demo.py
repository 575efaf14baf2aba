"""`wattrace demo` and `replay` from the outside: what a viewer's socket gets from the real command."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.client import connect

from integration.conftest import Races
from integration.killing import address, awaited, ends_cleanly, killed_arm, messages
from integration.processes import wait_until


def frames(host: str, *, until: str = "", most: int = 400) -> Iterator[dict[str, Any]]:
    """Messages of one viewer, up to a frame in the state `until`."""
    with connect(f"ws://{host}/ws") as socket:
        for _ in range(most):
            message = json.loads(socket.recv(timeout=10))
            yield message
            if until and message.get("state") == until:
                return


def test_a_machine_without_gpu_falls_back_under_the_badge_and_says_why(races: Races) -> None:
    races.environment["WATTRACE_VLLM_PYTHON"] = "/no/such/python"
    process = races.start("demo", "--autostart", "--no-browser", "--port", "0", "--round-seconds", "1")
    seen = list(frames(address(process), until="racing"))
    hello, last = seen[0], seen[-1]
    assert hello["type"] == "hello" and last["state"] == "racing"
    assert all(frame["simulated"] is True for frame in seen if frame["type"] == "frame")
    assert all(
        m["run"]["simulated"] == {"power": True, "arms": True} for m in seen if m.get("type") == "hello" and m["run"]
    )
    assert all(arm["reasons"] == ["simulated"] for arm in last["arms"].values())
    [recording] = (races.folder / "data" / "wattrace" / "recordings").glob("*.jsonl")
    assert b"simulated, since" in recording.read_bytes() and b"/no/such/python" in recording.read_bytes()


def test_frames_come_before_anything_is_started(races: Races) -> None:
    process = races.start("demo", "--simulate", "--no-browser", "--port", "0")
    seen = list(frames(address(process), most=45))
    numbers = [message["seq"] for message in seen if message["type"] == "frame"]
    assert len(numbers) >= 40 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {message["state"] for message in seen if message["type"] == "frame"} == {"idle"}
    assert seen[0]["run"] is None and seen[0]["demo"]["name"] == "batch-1-vs-8"
    assert not races.processes("engine.sampler"), "nothing runs that nobody asked for"


def test_after_a_race_nothing_samples_any_more(races: Races) -> None:
    process = races.start("demo", races.demo(rounds=2), "--autostart", "--no-browser", "--port", "0")
    host = address(process)
    list(frames(host, until="racing"))
    assert races.processes("engine.sampler")
    list(frames(host, until="done"))
    wait_until(lambda: not races.processes("engine.sampler"), seconds=5, what="the sampler is gone")
    assert process.poll() is None, "the server is still there"


def test_kill_9_of_the_server_ends_the_race_with_its_stop(races: Races) -> None:
    process = races.start("demo", races.demo(seconds=30), "--autostart", "--no-browser", "--port", "0")
    list(frames(address(process), until="racing"))
    [recording] = (races.folder / "data" / "wattrace" / "recordings").glob("*.jsonl")
    process.kill()
    process.communicate()
    wait_until(lambda: not races.processes(), seconds=5, what="race, sampler, leashes and arms are gone")
    stop = json.loads(recording.read_bytes().splitlines()[-1])
    assert stop["type"] == "stop" and stop["reason"] == "the server is gone"


def test_a_killed_race_is_shown_as_failed(races: Races) -> None:
    process = races.start("demo", races.demo(seconds=30), "--autostart", "--no-browser", "--port", "0")
    host = address(process)
    list(frames(host, until="racing"))
    [race] = (pid for pid, line in races.processes("--stream").items() if " run " in line)
    os.kill(race, signal.SIGKILL)
    last = list(frames(host, until="failed"))[-1]
    assert last["state"] == "failed" and "SIGKILL" in last["reason"]


@pytest.mark.alone
def test_a_killed_arm_is_on_screen_within_a_second_and_the_race_ends_cleanly(races: Races) -> None:
    """Three times, of which the best counts: another program may have had the processor."""
    demo = races.demo(seconds=60, first=", restart: {times: 2, backoff_seconds: 0.3}")
    process = races.start("demo", demo, "--autostart", "--no-browser", "--port", "0")
    host = address(process)
    with connect(f"ws://{host}/ws") as socket:
        kills = []
        for state in ("active", "ready", "ready"):  # in its turn, and twice when it has been started again
            awaited(socket, state)
            kills.append(killed_arm(socket, races, "engine.simulator", "--slot 0 "))
        assert min(seconds for seconds, _ in kills) < 1, kills
        assert all("was killed by SIGKILL" in figures["reason"] and figures["last_words"] for _, figures in kills)
        over = next(frame for frame in messages(socket) if frame["state"] == "failed")
    assert over["arms"]["A"]["state"] == "failed" and "was killed by SIGKILL" in over["reason"]
    assert over["arms"]["B"]["state"] != "failed"
    ends_cleanly(races)


def test_a_replay_gives_the_figures_of_the_recording(races: Races) -> None:
    out = races.folder / "race.jsonl"
    assert races.run("run", races.demo(rounds=4), "--out", str(out)).returncode == 0
    compared = json.loads(races.run("compare", str(out), "--json").stdout)["arms"]
    process = races.start("replay", str(out), "--speed", "10", "--no-browser", "--port", "0")
    last = list(frames(address(process), until="done"))[-1]
    assert last["replay"] is True and last["simulated"] is True
    for arm in compared:
        shown = last["arms"][arm["label"]]
        assert shown["tokens"] == arm["tokens"]
        assert abs(shown["joules_per_token"] / arm["joules_per_token"] - 1) < 1e-5


def test_a_port_in_use_is_one_clear_line(races: Races) -> None:
    process = races.start("demo", "--simulate", "--no-browser", "--port", "0")
    port = address(process).rpartition(":")[2]
    done = races.run("demo", "--simulate", "--no-browser", "--port", port)
    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr and "--port" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
