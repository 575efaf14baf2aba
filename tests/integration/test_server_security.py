"""Every route and message that could control anything: without, with a wrong, with an expired token, from elsewhere."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from serving import BEARER, Serving
from starlette.routing import Route

from server import auth
from server.auth import Gate

PUBLIC = {"/", "/view", "/qr.svg", "/present", "/login", "/healthz", "/metrics", "/events", "/plotly.min.js",
          "/joined/{name}", "/api/run", "/api/run/pages", "/api/run/held", "/api/reasons"}  # fmt: skip
"""What everybody may read."""
PUBLIC_POSTS = {"/api/bet", "/api/load"}
"""What a phone in the hall may send, when the presenter lets it."""
EVIL = {"Origin": "https://evil.example"}


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with Serving() as serving:
        yield serving


def controlled(server: Serving) -> list[tuple[str, str]]:
    """Every route of the application that is not public, as the application itself lists them."""
    routes: Any = server.stage.app.app.routes
    found = [(method, route.path) for route in routes if isinstance(route, Route) for method in route.methods or ()]
    posts = [(method, path) for method, path in found if method == "POST" and path not in PUBLIC_POSTS]
    gets = [(method, path) for method, path in found if method == "GET" and path not in PUBLIC | PUBLIC_POSTS]
    assert {"/api/run/start", "/api/run/stop", "/api/run/next", "/api/show/lock", "/api/show/freeze",
            "/api/show/verdict", "/api/show/swap", "/api/show/demo", "/api/show/fallback", "/api/show/bet",
            "/api/show/load", "/api/show/join", "/api/replay"} <= {path for _, path in posts}  # fmt: skip
    assert {"/api/show", "/api/preflight"} <= {path for _, path in gets}
    return [*posts, *gets]


def ask(server: Serving, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, {key.lower(): value for key, value in response.getheaders()}, response.read().decode()
    finally:
        connection.close()


def cookie(server: Serving, value: str | None = None) -> dict[str, str]:
    """What a browser sends: a cookie, and where it comes from. Without a value, a presenter's."""
    gate = server.stage.gate
    value = gate.redeem(gate.issue_ticket()) if value is None else value
    return {"Cookie": f"wattrace-{server.port}={value}", "Origin": server.url}


def test_nothing_is_controlled_without_the_right_token(server: Serving) -> None:
    other = Gate(server.settings)
    stranger = other.redeem(other.issue_ticket())
    wrong: list[tuple[dict[str, str], int]] = [
        ({}, 401),
        ({"Origin": server.url}, 401),
        ({"Authorization": "Bearer wrong-wrong-wrong-wrong"}, 401),
        ({"Authorization": f"Basic {server.settings.token}"}, 401),
        (cookie(server, "wrong"), 401),
        (cookie(server, stranger), 401),
        (cookie(server, server.settings.token), 401),
        (cookie(server, server.stage.gate.issue_ticket()), 401),
        ({**BEARER, **EVIL}, 403),
        ({**BEARER, "Origin": "null"}, 403),
        ({**BEARER, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**cookie(server), **EVIL}, 403),
        ({**cookie(server), "Origin": f"http://localhost:{server.port}"}, 403),
    ]
    before = server.stage.show.payload()
    for method, path in controlled(server):
        for headers, expected in wrong:
            status, _, text = ask(server, method, path, headers)
            assert status == expected, (method, path, headers)
            assert set(json.loads(text)) == {"error"}, "a refusal tells nothing else"
    assert server.stage.show.payload() == before and not server.stage.controller.running


def test_a_cookie_alone_without_an_origin_posts_nothing(server: Serving) -> None:
    bare = {key: value for key, value in cookie(server).items() if key == "Cookie"}
    for method, path in controlled(server):
        if method == "POST":
            assert ask(server, method, path, bare)[0] == 403, path


def test_an_expired_session_or_ticket_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "SESSION_SECONDS", 0)
    with Serving() as server:
        expired = cookie(server)
        for method, path in controlled(server):
            assert ask(server, method, path, expired)[0] == 401, path
        assert ask(server, "GET", "/present", expired)[0] == 401
    monkeypatch.setattr(auth, "TICKET_SECONDS", 0)
    with Serving() as server:
        status, headers, _ = ask(server, "GET", f"/login?ticket={server.stage.gate.issue_ticket()}", {})
        assert status == 401 and "set-cookie" not in headers


def test_the_console_is_shown_to_the_presenter_alone(server: Serving) -> None:
    status, headers, text = ask(server, "GET", "/present", {})
    assert status == 401 and headers["cache-control"] == "no-store"
    assert "works once" in text and "Panic" not in text
    status, headers, text = ask(server, "GET", "/present", cookie(server))
    assert status == 200 and headers["cache-control"] == "no-store" and "Panic" in text


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("&to=present", "present"),
        ("", "./"),
        ("&to=", "./"),
        ("&to=/present", "./"),
        ("&to=https://evil.example", "./"),
        ("&to=//evil.example", "./"),
        ("&to=present%0d%0aSet-Cookie:x=y", "./"),
        ("&to=other&to=present", "present"),
    ],
)
def test_a_login_leads_to_our_own_pages_only(server: Serving, asked: str, target: str) -> None:
    status, headers, _ = ask(server, "GET", f"/login?ticket={server.stage.gate.issue_ticket()}{asked}", {})
    assert (status, headers["location"]) == (303, target)
    assert "HttpOnly" in headers["set-cookie"] and "samesite=strict" in headers["set-cookie"].lower()


async def test_no_message_of_a_viewer_controls_anything(server: Serving) -> None:
    before = server.stage.show.payload()
    messages = ['{"command":"stop"}', '{"command":"mark","state":"x","text":"x","data":{}}', '{"frozen":true}', "next"]
    async with aiohttp.ClientSession(headers=BEARER) as session:
        for message in messages:
            async with session.ws_connect(server.ws) as viewer:
                await viewer.receive()
                await viewer.send_str(message)
                async with asyncio.timeout(10):
                    while not viewer.closed:
                        await viewer.receive()
                assert viewer.close_code == 4400, message
    assert server.stage.show.payload() == before and not server.stage.controller.running
