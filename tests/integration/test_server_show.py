"""What the presenter does to every screen, on a real server: in frames, in the race's input, by one console alone."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from serving import BEARER, Serving, settle

ACTIONS = [
    ("freeze", {"frozen": True}, "frozen", "freeze"),
    ("freeze", {"frozen": False}, "frozen", "unfreeze"),
    ("verdict", {"hidden": True}, "verdict_hidden", "hide_verdict"),
    ("verdict", {"hidden": False}, "verdict_hidden", "reveal_verdict"),
    ("swap", {"swapped": True}, "swapped", "swap"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with Serving() as serving:
        yield serving


class Console:
    """One of the presenter's browsers."""

    def __init__(self, session: aiohttp.ClientSession, url: str, name: str) -> None:
        self.session, self.url, self.name = session, url, name

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"X-Wattrace-Console": self.name} if self.name else {}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as response:
            return response.status, await response.json()

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        return await self.ask("POST", path, body)


@pytest.fixture
async def consoles(server: Serving) -> AsyncIterator[tuple[Console, Console, Console]]:
    """A phone, a laptop, and a program that has no name."""
    async with aiohttp.ClientSession(headers=BEARER) as session:
        phone, laptop, api = (Console(session, server.url, name) for name in ("phone", "laptop", ""))
        yield phone, laptop, api
        for one in (phone, laptop, api):
            await one.post("/api/show/unlock")
        for path, body in (("freeze", "frozen"), ("verdict", "hidden"), ("swap", "swapped")):
            await api.post(f"/api/show/{path}", {body: False})


Consoles = tuple[Console, Console, Console]


async def told(server: Serving, key: str, value: Any) -> dict[str, Any]:
    """The next frame whose show has this value."""
    async with aiohttp.ClientSession() as session, session.ws_connect(server.ws) as viewer:
        async for message in viewer:
            show = json.loads(message.data).get("show", {})
            if show.get(key) == value:
                return dict(show)
    raise AssertionError("the stream ended")


@pytest.mark.parametrize(("path", "body", "key", "mark"), ACTIONS)
async def test_an_action_is_in_the_next_frames(
    server: Serving, consoles: Consoles, path: str, body: dict[str, bool], key: str, mark: str
) -> None:
    status, answer = await consoles[2].post(f"/api/show/{path}", body)
    (value,) = body.values()
    assert status == 200 and answer["show"][key] is value
    assert (await told(server, key, value))[key] is value


async def test_the_picture_that_frozen_screens_hold_can_be_had_by_who_comes_later(
    server: Serving, consoles: Consoles
) -> None:
    api = consoles[2]
    assert (await api.ask("GET", "/api/run/held"))[0] == 404
    async with aiohttp.ClientSession() as session, session.ws_connect(server.ws) as viewer:
        await viewer.receive()
        await api.post("/api/show/freeze", {"frozen": True})
        async for message in viewer:
            frame = json.loads(message.data)
            if frame.get("show", {}).get("frozen"):
                break
        for _ in range(20):
            await viewer.receive()
        async with session.get(f"{server.url}/api/run/held") as response:
            held = await response.json()
    assert response.status == 200 and held["type"] == "hello", "a viewer needs no token"
    assert held["frame"] == frame, "it is the very frame that froze them"
    await api.post("/api/show/freeze", {"frozen": False})
    await settle(lambda: server.stage.hub.held is None)
    assert (await api.ask("GET", "/api/run/held"))[0] == 404


@pytest.mark.parametrize("body", [{}, {"frozen": 1}, {"frozen": "yes"}, {"frozen": None}, {"thawed": True}, [], "x"])
async def test_what_is_no_action_is_refused_and_changes_nothing(consoles: Consoles, body: Any) -> None:
    status, answer = await consoles[2].post("/api/show/freeze", body)
    assert status == 400 and answer["error"]
    assert (await consoles[2].ask("GET", "/api/show"))[1]["show"]["frozen"] is False


async def test_two_presenters_do_not_fight(server: Serving, consoles: Consoles) -> None:
    phone, laptop, api = consoles
    assert (await phone.post("/api/show/lock", {"name": "Ada's phone"}))[0] == 200
    status, answer = await laptop.post("/api/show/lock", {"name": "Laptop"})
    assert (status, answer["holder"]) == (409, "Ada's phone")
    for other in (laptop, api):
        status, answer = await other.post("/api/show/freeze", {"frozen": True})
        assert status == 409 and answer["error"] == "Ada's phone has control; take it over first"
        assert (await other.post("/api/run/start"))[0] == 409
    assert (await phone.post("/api/show/freeze", {"frozen": True}))[0] == 200
    assert (await laptop.post("/api/show/lock", {"name": "Laptop", "take": True}))[0] == 200
    assert (await told(server, "frozen", True))["presenter"]["name"] == "Laptop"
    assert (await phone.post("/api/show/freeze", {"frozen": False}))[0] == 409
    views = [(await one.ask("GET", "/api/show"))[1] for one in consoles]
    assert [view["has_control"] for view in views] == [False, True, False]
    assert (await laptop.post("/api/show/unlock"))[1]["show"]["presenter"] is None
    assert (await api.post("/api/show/freeze", {"frozen": False}))[0] == 200


async def test_every_action_is_a_mark_in_the_race_with_who_did_it(server: Serving, consoles: Consoles) -> None:
    phone, laptop, _ = consoles
    assert (await phone.post("/api/run/next"))[0] == 409, "no race, no turn"
    await phone.post("/api/show/lock", {"name": "<b>Ada"})
    await phone.post("/api/show/verdict", {"hidden": True})
    assert (await phone.post("/api/run/start"))[0] == 202
    for path, body, _, _ in ACTIONS:
        await phone.post(f"/api/show/{path}", body)
    assert (await phone.post("/api/run/next"))[0] == 202
    await laptop.post("/api/show/lock", {"name": "Laptop", "take": True})
    assert (await laptop.post("/api/run/stop"))[0] == 202
    await settle(lambda: not server.stage.controller.running)
    heard = [json.loads(line.removeprefix("heard ")) for line in server.stage.controller.stderr if "heard" in line]
    marks = [(each["state"], each["text"]) for each in heard if each["command"] == "mark"]
    begun = next(each["data"] for each in heard if each.get("state") == "start")
    assert begun == {
        "frozen": False, "verdict_hidden": True, "swapped": False, "bet": "off", "load": False, "join": False,
        "fallback": "by hand",
    }, "what was set before"  # fmt: skip
    actions = ["start", *(mark for *_, mark in ACTIONS), "next"]
    assert marks == [*((action, "<b>Ada") for action in actions), ("lock", "Laptop"), ("stop", "Laptop")]
    assert [each["command"] for each in heard if each["command"] != "mark"] == ["next", "stop"]


async def test_what_only_the_presenter_hears(server: Serving, consoles: Consoles) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.ws) as viewer:
        await viewer.receive()
        _, view = await consoles[0].ask("GET", "/api/show")
    assert view["viewers"] == 1 and view["recorders"] == 0 and view["has_control"] is False
    assert view["demos"] == [] and view["notes"] == "" and view["steps"] == [], "this server has no programme"
    assert (await consoles[0].post("/api/show/demo", {"demo": "batch-1-vs-8"}))[0] == 409
    assert (await consoles[0].ask("GET", "/api/preflight"))[0] == 409
