"""The audience on a real server: phones with cookies, their bets and questions, their limits, five hundred at once."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from serving import BEARER, DEMO, Serving, settle

from server.audience.crowd import MOST_PENDING

NASTY = "<script>alert(1)</script>"[:20]
Reply = tuple[int, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with Serving(origins=("https://stage.example",)) as serving:
        arms = [{"label": label, "name": f"arm {label}", "runtime": "simulated"} for label in "AB"]
        serving.stage.scene.demo = replace(DEMO, arms=arms)
        yield serving


class Phone:
    """One phone: what it keeps is its cookie."""

    def __init__(self, session: aiohttp.ClientSession, server: Serving) -> None:
        self.session, self.server, self.cookies = session, server, dict[str, str]()

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        url, cookies = self.server.url + path, {**self.cookies}
        async with self.session.request(method, url, json=body, headers=headers, cookies=cookies) as response:
            self.cookies |= {name: morsel.value for name, morsel in response.cookies.items()}
            kind = response.content_type
            return response.status, await (response.json() if kind == "application/json" else response.text())

    async def enter(self) -> "Phone":
        assert (await self.ask("GET", "/view"))[0] == 200 and len(self.cookies) == 1
        return self


@asynccontextmanager
async def hall(server: Serving) -> AsyncIterator[Any]:
    """Makes phones, each without any cookie yet."""
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar, connector=aiohttp.TCPConnector(limit=100)) as session:
        yield lambda: Phone(session, server)


async def presenter(server: Serving, method: str, path: str, body: Any = None) -> Reply:
    async with (
        aiohttp.ClientSession(headers=BEARER) as session,
        session.request(method, server.url + path, json=body) as response,
    ):
        return response.status, await response.json()


async def show(server: Serving) -> dict[str, Any]:
    run: dict[str, Any] = (await presenter(server, "GET", "/api/run"))[1]["show"]
    return run


@pytest.fixture(autouse=True)
async def _everything_off(server: Serving) -> AsyncIterator[None]:
    yield
    await presenter(server, "POST", "/api/show/bet", {"state": "off"})
    await presenter(server, "POST", "/api/show/load", {"open": False})
    await presenter(server, "POST", "/api/show/join", {"shown": False})
    if (await presenter(server, "POST", "/api/run/stop"))[0] == 202:
        await settle(lambda: not server.stage.controller.running)


async def test_everything_is_off_until_the_presenter_turns_it_on(server: Serving) -> None:
    told = await show(server)
    assert (told["join"], told["bet"], told["load"]) == (None, None, None)
    async with hall(server) as phones:
        phone = await phones().enter()
        assert (await phone.ask("POST", "/api/bet", {"nickname": "", "guess": 1}))[0] == 409
        assert (await phone.ask("POST", "/api/load", {"prompt": 0}))[0] == 409
        assert await phone.ask("GET", "/api/bet") == (200, {"mine": None})
        assert await phone.ask("GET", "/api/load") == (200, {"mine": None})
        assert (await phone.ask("GET", "/qr.svg"))[0] == 404


async def test_the_way_in_is_shown_as_a_code_and_only_where_there_is_one(server: Serving) -> None:
    status, ways = await presenter(server, "GET", "/api/show/addresses")
    assert status == 200 and [way["short"] for way in ways["addresses"]] == ["https://stage.example/view"]
    assert (await presenter(server, "POST", "/api/show/join", {"address": "10.9.9.9"}))[0] == 400
    assert (await presenter(server, "POST", "/api/show/join", {"address": None}))[0] == 200
    assert (await show(server))["join"]["url"] == "https://stage.example/view"
    async with hall(server) as phones:
        status, svg = await phones().ask("GET", "/qr.svg")
        assert status == 200 and svg.startswith("<svg") and "script" not in svg
    with Serving() as alone:
        status, answer = await presenter(alone, "POST", "/api/show/join")
        assert status == 409 and "--host" in answer["error"]
        assert (await show(alone))["join"] is None


async def test_a_phone_has_one_guess_which_it_may_change_and_names_are_only_text(server: Serving) -> None:
    await presenter(server, "POST", "/api/show/bet", {"state": "open"})
    async with hall(server) as phones:
        phone, other = await phones().enter(), await phones().enter()
        for guess in (100, 250.5):
            status, answer = await phone.ask("POST", "/api/bet", {"nickname": NASTY, "guess": guess})
            assert (status, answer) == (200, {"mine": {"nickname": NASTY, "guess": guess}})
        assert (await other.ask("POST", "/api/bet", {"nickname": "Ada", "guess": -3}))[0] == 200
        assert (await show(server))["bet"]["guesses"] == 2
        # Its name is JSON's text in every answer, never part of a page.
        listed = (await presenter(server, "GET", "/api/show/bet"))[1]["guesses"]
        assert [each["nickname"] for each in listed] == ["Ada", NASTY]
        assert NASTY not in (await phone.ask("GET", "/view"))[1] + (await phone.ask("GET", "/"))[1]
        # The presenter takes it out, and the phone is out with it.
        gone = {"id": listed[1]["id"]}
        assert (await presenter(server, "POST", "/api/show/bet/remove", gone))[0] == 200
        assert (await presenter(server, "POST", "/api/show/bet/remove", gone))[0] == 409
        assert (await phone.ask("POST", "/api/bet", {"nickname": "again", "guess": 1}))[0] == 400
        assert (await show(server))["bet"]["guesses"] == 1


@pytest.mark.parametrize(
    "body",
    [None, {}, [], {"guess": "7"}, {"guess": True}, {"guess": None}, {"guess": 1e9}, {"guess": 1, "nickname": 7},
     {"guess": 1, "nickname": "x" * 21}, {"guess": 1, "nickname": "x" * 4000}, {"guess": 1, "more": 1}],
)  # fmt: skip
async def test_what_is_no_bet_is_refused_with_a_sentence(server: Serving, body: Any) -> None:
    await presenter(server, "POST", "/api/show/bet", {"state": "open"})
    async with hall(server) as phones:
        status, answer = await (await phones().enter()).ask("POST", "/api/bet", body)
    assert status == 400 and answer["error"]
    assert (await show(server))["bet"]["guesses"] == 0


async def test_other_sites_and_made_up_numbers_write_nothing(server: Serving) -> None:
    await presenter(server, "POST", "/api/show/bet", {"state": "open"})
    guess = {"nickname": "", "guess": 1}
    async with hall(server) as phones:
        phone = await phones().enter()
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            for path, body in (("/api/bet", guess), ("/api/load", {"prompt": 0})):
                assert (await phone.ask("POST", path, body, **headers))[0] == 403
        stranger = phones()
        stranger.cookies = {next(iter(phone.cookies)): "made.up"}
        assert (await stranger.ask("POST", "/api/bet", guess))[0] == 403
        assert (await stranger.ask("POST", "/api/bet", guess))[0] == 200, "the refusal brought a number of its own"
    assert (await show(server))["bet"]["guesses"] == 1


async def test_a_phone_writes_only_so_often(server: Serving) -> None:
    await presenter(server, "POST", "/api/show/bet", {"state": "open"})
    async with hall(server) as phones:
        phone, other = await phones().enter(), await phones().enter()
        statuses = [(await phone.ask("POST", "/api/bet", {"guess": 1}))[0] for _ in range(30)]
        assert statuses[0] == 200 and set(statuses) == {200, 429}
        assert (await other.ask("POST", "/api/bet", {"guess": 1}))[0] == 200, "the others in the room may"


async def test_five_hundred_phones_bet_and_ask_and_everything_stays_bounded(server: Serving) -> None:
    await presenter(server, "POST", "/api/show/bet", {"state": "open"})
    await presenter(server, "POST", "/api/show/load", {"open": True})
    async with hall(server) as phones:
        everybody = await asyncio.gather(*(phones().enter() for _ in range(500)))
        assert len({next(iter(phone.cookies.values())) for phone in everybody}) == 500
        bets = [
            phone.ask("POST", "/api/bet", {"guess": n, "nickname": f"row {n}"}) for n, phone in enumerate(everybody)
        ]
        assert {status for status, _ in await asyncio.gather(*bets)} == {200}
        assert (await presenter(server, "POST", "/api/run/start"))[0] == 202
        await settle(lambda: server.stage.scene.state == "racing")
        asked = await asyncio.gather(*(phone.ask("POST", "/api/load", {"prompt": 0}) for phone in everybody))
        taken = [reply for reply in asked if reply[0] == 202]
        assert len(taken) == MOST_PENDING and {status for status, _ in asked} == {202, 429}
        assert taken[0][1]["mine"]["prompt"] == (await show(server))["load"]["prompts"][0]
        told = await show(server)
    assert (told["bet"]["guesses"], sum(told["bet"]["histogram"]["counts"])) == (500, 500)
    assert (told["load"]["sent"], told["load"]["waiting"]) == (MOST_PENDING, MOST_PENDING)
    assert len(json.dumps(told)) < 4000
    heard = f'"number":{MOST_PENDING}'
    await settle(lambda: any('"request"' in line and heard in line for line in server.stage.controller.stderr))
    assert server.stage.hub.counters.ticks_failed == 0
    await presenter(server, "POST", "/api/run/stop")
    await settle(lambda: not server.stage.controller.running)
    async with hall(server) as phones:
        late = await phones().enter()
        assert (await late.ask("POST", "/api/load", {"prompt": 0}))[0] == 409, "no race, no question"
    status, answer = await presenter(server, "POST", "/api/show/bet", {"state": "revealed"})
    told = answer["show"]["bet"]
    assert status == 200 and (told["answer"] is None) == told["why"].startswith("not measured")


async def test_what_phones_load_is_packed_small(server: Serving) -> None:
    async with hall(server) as phones:
        phone = phones()
        plain = (await phone.ask("GET", "/static/view.css", **{"Accept-Encoding": "identity"}))[1]
        async with phone.session.get(f"{server.url}/static/view.css") as response:
            assert response.headers["content-encoding"] == "gzip" and response.headers["vary"] == "accept-encoding"
            assert int(response.headers["content-length"]) < len(plain) / 2
            tag = response.headers["etag"]
            assert await response.text() == plain
        async with phone.session.get(f"{server.url}/static/view.css", headers={"If-None-Match": tag}) as response:
            assert response.status == 304
