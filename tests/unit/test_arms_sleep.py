"""Sleep mode against a real server process: believed only when the memory is free, too."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from simulated_server import MODEL, SimulatedServer, free_port

from engine.arms import sleep
from engine.arms.sleep import SleepSwitch
from engine.occupancy import Occupancy

GIB = 2**30


@pytest.fixture
def gpu(tmp_path: Path) -> Iterator[Occupancy]:
    """The simulated GPU's memory, in which arms say how much they hold."""
    occupancy = Occupancy.create(tmp_path / "occupancy")
    yield occupancy
    occupancy.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sleep, "_FREED_SECONDS", 0.3)


def server(folder: Path, slot: int = 0, *, sleeps: bool = True, **environment: str) -> SimulatedServer:
    arguments = ["--occupancy", str(folder / "occupancy"), "--slot", str(slot), "--gpu-memory-utilization", "0.5"]
    if sleeps:
        arguments.append("--enable-sleep-mode")
    return SimulatedServer(*arguments, **{"VLLM_SERVER_DEV_MODE": "1", **environment})


async def answer(url: str) -> dict[str, Any]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "max_tokens": 4}
    async with aiohttp.ClientSession() as session, session.post(f"{url}/v1/chat/completions", json=body) as response:
        told: dict[str, Any] = await response.json()
        return told


async def test_two_arms_share_a_gpu_by_turns(tmp_path: Path, gpu: Occupancy) -> None:
    with server(tmp_path) as one:
        switch = SleepSwitch(one.url, gpu.held_bytes, least_freed_bytes=20 * GIB)
        assert gpu.held_bytes() == 40e9
        slept = await switch.sleep()
        assert slept.outcome == "asleep" and slept.ok and slept.freed_bytes == 40e9 - 1.1e9
        assert "36.23 GiB freed" in slept.text
        with server(tmp_path, slot=1) as two:
            assert gpu.held_bytes() == 40e9 + 1.1e9
            other = SleepSwitch(two.url, gpu.held_bytes, least_freed_bytes=20 * GIB)
            assert (await other.sleep()).ok
            woken = await switch.wake()
            assert woken.outcome == "awake" and woken.ok and woken.freed_bytes == -(40e9 - 1.1e9)
            assert (await answer(one.url))["usage"]["completion_tokens"] == 4
            assert two.terminate() == 0
        assert one.terminate() == 0
    assert gpu.held_bytes() == 0


async def test_sleeping_computes_nothing_and_ends_what_ran(tmp_path: Path, gpu: Occupancy) -> None:
    with server(tmp_path) as one:
        switch = SleepSwitch(one.url, gpu.held_bytes)
        endless = {"model": MODEL, "prompt": "Why?", "max_tokens": 20_000, "ignore_eos": True, "stream": True}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{one.url}/v1/completions", json=endless) as response,
        ):
            await response.content.readany()
            assert (await switch.sleep()).ok
            assert b'"finish_reason":"abort"' in await response.content.read()
        assert gpu.read(0).running == 0
        waiting = asyncio.create_task(answer(one.url))
        while not one.metric("num_requests_waiting"):
            await asyncio.sleep(0.01)
        assert gpu.read(0).running == 0 and not waiting.done()
        assert (await switch.wake()).ok
        assert (await waiting)["usage"]["completion_tokens"] == 4


async def test_who_only_says_that_he_sleeps_is_found_out(tmp_path: Path, gpu: Occupancy) -> None:
    with server(tmp_path, WATTRACE_SIM_SLEEP_IN_VAIN="1") as one:
        slept = await SleepSwitch(one.url, gpu.held_bytes).sleep()
        assert slept.outcome == "pretended" and not slept.ok and slept.freed_bytes == 0
        assert slept.text == "it says that it sleeps, and only 0.00 GiB became free"
        assert (await answer(one.url))["usage"]["completion_tokens"] == 4, "it was woken again"


async def test_what_cannot_be_looked_at_is_not_believed(tmp_path: Path, gpu: Occupancy) -> None:
    with server(tmp_path) as one:
        slept = await SleepSwitch(one.url, lambda: None).sleep()
        assert slept.outcome == "pretended" and "cannot be read" in slept.text
        assert (await answer(one.url))["usage"]["completion_tokens"] == 4


async def test_servers_that_cannot_sleep_refuse(tmp_path: Path, gpu: Occupancy) -> None:
    with server(tmp_path, sleeps=False) as one:
        assert "/sleep answers 500" in (await SleepSwitch(one.url, gpu.held_bytes).sleep()).text
    with server(tmp_path, VLLM_SERVER_DEV_MODE="0") as one:
        refused = await SleepSwitch(one.url, gpu.held_bytes).sleep()
        assert refused.outcome == "refused" and "its server has no /sleep" in refused.text
        assert "its server has no /wake_up" in (await SleepSwitch(one.url, gpu.held_bytes).wake()).text
    dead = SleepSwitch(f"http://127.0.0.1:{free_port()}", gpu.held_bytes)
    assert (await dead.sleep()).outcome == "refused" == (await dead.wake()).outcome


@pytest.mark.parametrize("said", [{"is_sleeping": False}, {}, [], "x"])
async def test_a_server_that_says_ok_and_stays_awake(said: object) -> None:
    """The worst server there can be: every call is fine, and nothing happens."""
    async with _pretender(lambda: web.json_response(said)) as url:
        slept = await SleepSwitch(url, lambda: 0.0).sleep()
        assert slept.outcome == "refused" and "says that it is awake" in slept.text


async def test_a_server_that_does_not_wake() -> None:
    async with _pretender(lambda: web.json_response({"is_sleeping": True})) as url:
        woken = await SleepSwitch(url, lambda: 0.0).wake()
        assert woken.outcome == "refused" and "still sleeps" in woken.text


def _pretender(is_sleeping: Callable[[], web.Response]) -> Any:
    import contextlib

    async def fine(_: web.Request) -> web.Response:
        return web.json_response({"status": "fine"})

    async def state(_: web.Request) -> web.Response:
        return is_sleeping()

    @contextlib.asynccontextmanager
    async def running() -> Any:
        app, port = web.Application(), free_port()
        app.router.add_post("/sleep", fine)
        app.router.add_post("/wake_up", fine)
        app.router.add_get("/is_sleeping", state)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            await runner.cleanup()

    return running()
