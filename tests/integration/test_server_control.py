"""Start, stop and the ends of a race: real child processes that print documents."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from serving import BEARER, Serving, settle

from engine.errors import DemoNotFound
from server.stageinfo import ReplayInfo


class Presenter:
    """Asks the server, as the presenter."""

    def __init__(self, server: Serving) -> None:
        self.server = server

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession(headers=BEARER) as session,
            session.request(method, self.server.url + path, **options) as response,
        ):
            return response.status, await response.json()

    async def start(self) -> int:
        return (await self.ask("POST", "/api/run/start"))[0]

    async def stop(self) -> int:
        return (await self.ask("POST", "/api/run/stop"))[0]

    async def until(self, *states: str, seconds: float = 20) -> dict[str, Any]:
        """The run as soon as it is in one of `states`."""
        end = time.monotonic() + seconds
        while True:
            _, run = await self.ask("GET", "/api/run")
            if run["state"] in states:
                return dict(run)
            assert time.monotonic() < end, f"it is {run['state']}: {run['reason']}"
            await asyncio.sleep(0.05)


def child(server: Serving) -> int:
    process = server.stage.controller._process
    assert process is not None
    return process.pid


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_start_race_stop_and_again() -> None:
    with Serving() as server:
        presenter = Presenter(server)
        assert await presenter.stop() == 409
        assert await presenter.start() == 202
        assert await presenter.start() == 409
        first = await presenter.until("racing")
        assert first["run"]["demo"] == "fake"
        assert await presenter.stop() == 202
        over = await presenter.until("aborted")
        assert over["reason"] == "told to stop"
        await settle(lambda: not server.stage.controller.running)
        assert await presenter.stop() == 409
        assert await presenter.start() == 202
        second = await presenter.until("racing")
        assert second["run"]["id"] != first["run"]["id"]
        assert second["seq"] > over["seq"]


async def test_a_start_right_after_the_end_waits_until_the_race_has_cleared_up() -> None:
    with Serving("lingers") as server:
        presenter = Presenter(server)
        assert await presenter.start() == 202
        first = await presenter.until("racing")
        assert await presenter.stop() == 202
        await presenter.until("aborted")
        assert server.stage.controller.running, "it is still busy with its processes"
        assert sorted(await asyncio.gather(*(presenter.start() for _ in range(3)))) == [202, 409, 409]
        second = await presenter.until("racing")
        assert second["run"]["id"] != first["run"]["id"]


async def test_a_race_that_never_clears_up_is_in_the_way_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.control.WINDING_UP_SECONDS", 0.2)
    with Serving("lingers") as server:
        presenter = Presenter(server)
        assert await presenter.start() == 202
        await presenter.until("racing")
        assert await presenter.stop() == 202
        await presenter.until("aborted")
        assert await presenter.start() == 409
        await settle(lambda: not server.stage.controller.running)


async def test_two_starts_at_once_make_one_race() -> None:
    with Serving() as server:
        presenter = Presenter(server)
        statuses = await asyncio.gather(*(presenter.start() for _ in range(5)))
        assert sorted(statuses) == [202, 409, 409, 409, 409]


async def test_a_killed_race_is_a_failed_run_with_its_reason() -> None:
    with Serving(autostart=True) as server:
        presenter = Presenter(server)
        await presenter.until("racing")
        os.kill(child(server), signal.SIGKILL)
        run = await presenter.until("failed")
        assert "SIGKILL" in run["reason"] and run["run"] is not None and run["age_ns"] is None
        assert await presenter.start() == 202
        await presenter.until("racing")


async def test_a_race_that_dies_says_its_last_line() -> None:
    with Serving("dies") as server:
        presenter = Presenter(server)
        assert await presenter.start() == 202
        run = await presenter.until("failed")
        assert "status 3" in run["reason"] and "the reason is on the last line" in run["reason"]


async def test_lines_that_are_no_documents_are_counted_and_survived() -> None:
    with Serving("rubbish", autostart=True) as server:
        await Presenter(server).until("racing")
        await settle(lambda: server.stage.controller.undecodable == 3)


async def test_a_line_of_several_hundred_kilobytes() -> None:
    with Serving("huge", autostart=True) as server:
        presenter = Presenter(server)
        await presenter.until("racing")
        await settle(lambda: "wide" in server.stage.scene.ledger.rig.descriptors)
        assert server.stage.controller.undecodable == 0


async def test_whoever_keeps_the_pipes_of_a_dead_race_is_ended() -> None:
    with Serving("straggler", autostart=True) as server:
        presenter = Presenter(server)
        assert "SIGKILL" in (await presenter.until("failed"))["reason"]
        await settle(lambda: not server.stage.controller.running)


async def test_a_deaf_race_is_made_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.control.STOP_SECONDS", 0.3)
    monkeypatch.setattr("server.control.TERM_SECONDS", 0.3)
    with Serving("deaf", autostart=True) as server:
        presenter = Presenter(server)
        await presenter.until("racing")
        pid = child(server)
        assert await presenter.stop() == 202
        assert await presenter.stop() == 202, "asking twice is no error"
        assert "SIGKILL" in (await presenter.until("failed"))["reason"]
        assert gone(pid)


async def test_what_cannot_be_started_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(demo: str | None) -> list[str]:
        raise DemoNotFound(str(demo), known=["fake"])

    with Serving() as server:
        presenter = Presenter(server)
        monkeypatch.setattr(server.stage.controller, "_command", unknown)
        status, answer = await presenter.ask("POST", "/api/run/start", json={"demo": "fkae"})
        assert status == 400 and "fkae" in answer["error"]
        monkeypatch.setattr(server.stage.controller, "_command", lambda demo: ["/no/such/program"])
        status, answer = await presenter.ask("POST", "/api/run/start")
        assert status == 500 and "/no/such/program" in answer["error"]
        assert (await presenter.ask("GET", "/healthz"))[0] == 200


async def test_an_autostart_that_fails_is_on_screen() -> None:
    serving = Serving(autostart=True)
    serving.stage.controller._command = lambda demo: ["/no/such/program"]
    with serving as server:
        assert "/no/such/program" in (await Presenter(server).until("failed"))["reason"]


async def test_a_replays_speed() -> None:
    with Serving(replay=ReplayInfo("race.jsonl"), autostart=True) as server:
        presenter = Presenter(server)
        run = await presenter.until("racing")
        assert run["replay"] is True and run["run"]["replay"] == {"file": "race.jsonl", "speed": 1.0}
        status, answer = await presenter.ask("POST", "/api/replay", json={"speed": 10})
        assert (status, answer) == (200, {"speed": 10})
        await settle(lambda: any('"speed":10' in line for line in server.stage.controller.stderr))
        assert (await presenter.ask("GET", "/api/run"))[1]["run"]["replay"]["speed"] == 10


async def test_a_replay_that_was_sought_back_from_its_end_refuses_a_start_at_once() -> None:
    with Serving(replay=ReplayInfo("race.jsonl"), autostart=True) as server:
        presenter = Presenter(server)
        await presenter.until("racing")
        server.stage.controller._stopped = True  # it has played the recording's stop before
        assert await asyncio.wait_for(presenter.start(), 3) == 409


async def test_the_server_takes_its_race_along(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    monkeypatch.setenv("FAKE_RACE_WITNESS", str(witness))
    monkeypatch.setenv("WATTRACE_TOKEN", "only-for-the-server")
    with Serving(autostart=True) as server:
        await Presenter(server).until("racing")
        pid = child(server)
        assert b"WATTRACE_TOKEN" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert os.getsid(pid) == pid, "Ctrl-C in the terminal is for the server alone"
    assert gone(pid)
    assert witness.read_text() == "stopped by itself"
