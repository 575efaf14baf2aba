"""The HTTP side: health, login, who may control, the page's files, headers."""

import gzip
import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from serving import BEARER, TOKEN, Serving

from server.plotlyjs import COMPILE_HINT, script_path


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with Serving() as serving:
        yield serving


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    server: Serving,
    path: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    body: Any = None,
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def post(server: Serving, path: str, headers: dict[str, str] | None = None, body: Any = None) -> Answer:
    return ask(server, path, headers, method="POST", body=body)


def test_health(server: Serving) -> None:
    answer = ask(server, "/healthz")
    assert answer.status == 200
    assert answer.json == {"status": "ok", "version": "0.1.0", "viewers": 0, "state": "idle"}


def test_what_reason_codes_mean(server: Serving) -> None:
    answer = ask(server, "/api/reasons")
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json["gap"]["weight"] == "doubt" and answer.json["simulated"]["sentence"].endswith(".")


def test_the_run_for_everyone_and_for_the_presenter(server: Serving) -> None:
    answer = ask(server, "/api/run")
    assert answer.json["state"] == "idle" and answer.json["run"] is None and answer.json["control"] is False
    assert answer.json["demo"]["name"] == "fake" and answer.json["seq"] > 0
    assert answer.headers["cache-control"] == "no-store"
    assert ask(server, "/api/run", BEARER).json["control"] is True


CONTROL = ["/api/run/start", "/api/run/stop", "/api/replay"]


@pytest.mark.parametrize("path", CONTROL)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Cookie": "wattrace-1=x"}, 401),
        ({**BEARER, "Origin": "https://evil.example"}, 403),
        ({**BEARER, "Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({**BEARER, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**BEARER, "Host": "evil.example"}, 421),
    ],
)
def test_control_is_the_presenters_alone(server: Serving, path: str, headers: dict[str, str], status: int) -> None:
    answer = post(server, path, headers)
    assert answer.status == status
    assert isinstance(answer.json["error"], str) and "\n" not in answer.json["error"]
    assert not server.stage.controller.running


@pytest.mark.parametrize("path", CONTROL)
def test_control_is_not_a_matter_of_get(server: Serving, path: str) -> None:
    answer = ask(server, path, BEARER)
    assert answer.status == 405 and answer.json["error"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/run/start", "not json", 400),
        ("/api/run/start", "[]", 400),
        ("/api/run/start", '{"demo": 1}', 400),
        ("/api/run/start", '{"demon": "x"}', 400),
        ("/api/run/start", b"\xff", 400),
        ("/api/run/start", "x" * 10_000, 400),
        ("/api/run/stop", None, 409),
        ("/api/run/stop", '{"now": true}', 400),
        ("/api/replay", '{"speed": 3}', 400),
        ("/api/replay", '{"speed": true}', 400),
        ("/api/replay", '{"speed": [1]}', 400),
        ("/api/replay", "{}", 400),
        ("/api/replay", '{"speed": 2}', 409),
    ],
)
def test_bad_requests_get_one_sentence(server: Serving, path: str, body: Any, status: int) -> None:
    answer = post(server, path, BEARER, body)
    assert answer.status == status and answer.json["error"]


def test_a_ticket_works_once_and_its_cookie_controls(server: Serving) -> None:
    path = f"/login?ticket={server.stage.gate.issue_ticket()}"
    assert ask(server, path, method="HEAD").status == 200, "a link preview does not use it up"
    answer = ask(server, path)
    assert answer.status == 303 and answer.headers["location"] == "./"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    assert "path=" not in cookie.lower(), "it is good beside the login, wherever a proxy has put that"
    assert TOKEN not in cookie
    again = ask(server, path)
    assert again.status == 401 and "set-cookie" not in again.headers
    mine = {"Cookie": cookie.partition(";")[0]}
    assert ask(server, path, mine).status == 303, "the presenter may reload the link"
    assert ask(server, "/api/run", mine).json["control"] is True
    assert post(server, "/api/run/stop", {**mine, "Origin": server.url}).status == 409
    assert post(server, "/api/run/stop", {**mine, "Origin": "https://evil.example"}).status == 403


@pytest.mark.parametrize(("told", "secure"), [("https", True), ("http", False), (None, False)])
@pytest.mark.parametrize("path", ["/login?ticket=", "/view?"])
def test_behind_a_proxy_with_tls_the_cookies_are_for_tls_alone(
    server: Serving, path: str, told: str | None, secure: bool
) -> None:
    headers = {"X-Forwarded-Proto": told} if told else {}
    cookie = ask(server, path + server.stage.gate.issue_ticket(), headers).headers["set-cookie"]
    assert ("Secure" in cookie.split("; ")) is secure


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=wrong", "?ticket=%ff", "?other=1"])
def test_wrong_tickets(server: Serving, query: str) -> None:
    answer = ask(server, f"/login{query}")
    assert answer.status == 401 and answer.json["error"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/nothing", "/api/run", "/plotly.min.js", "/login"])
def test_every_response_has_the_security_headers(server: Serving, path: str) -> None:
    headers = ask(server, path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    assert f"ws://127.0.0.1:{server.port}" in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_a_host_header_cannot_write_the_policy(server: Serving) -> None:
    policy = ask(server, "/healthz", {"Host": "localhost; script-src *"}).headers.get("content-security-policy", "")
    assert "*" not in policy


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "[::2]"])
def test_other_host_names_are_refused(server: Serving, host: str) -> None:
    refused = ask(server, "/healthz", {"Host": host})
    assert refused.status == 421 and refused.headers["x-content-type-options"] == "nosniff"
    assert "evil" not in refused.headers["content-security-policy"]
    assert ask(server, "/healthz", {"Host": "localhost"}).status == 200


def test_the_page_and_its_files(server: Serving) -> None:
    page = ask(server, "/")
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-cache"
    assert ask(server, "/", {"If-None-Match": page.headers["etag"]}).status == 304
    parts = re.findall(r'joined/[^"]+', page.body.decode())
    for path in (f"/{part}" for part in parts):
        assert ask(server, path).status == 200 and "immutable" in ask(server, path).headers["cache-control"]
    assert ask(server, "/static/icon.svg").status == 200 and ask(server, "/joined/old.js").status == 404


@pytest.mark.parametrize(
    "path",
    ["/static/../server/auth.py", "/static/%2e%2e/pyproject.toml", "/static/", "/static/__init__.py",
     "/static/no.js", "/static//etc/passwd", "/static/%00", "/static/" + "x" * 5000],
)  # fmt: skip
def test_nothing_else_is_served(server: Serving, path: str) -> None:
    assert ask(server, path).status == 404


def test_plotly_gzipped_plain_and_known(server: Serving) -> None:
    path = script_path()
    assert path is not None
    content = COMPILE_HINT + path.read_bytes()
    packed = ask(server, "/plotly.min.js", {"Accept-Encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip" and gzip.decompress(packed.body) == content
    assert packed.headers["content-type"].startswith("text/javascript") and "accept-encoding" in packed.headers["vary"]
    assert len(packed.body) < len(content) / 3
    plain = ask(server, "/plotly.min.js", {"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers and plain.body == content
    assert plain.headers["etag"] != packed.headers["etag"]
    known = ask(server, "/plotly.min.js", {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]})
    assert known.status == 304 and known.body == b""
    assert "immutable" in ask(server, "/plotly.min.js?v=1").headers["cache-control"]


def test_a_failure_within_is_one_sentence(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with Serving() as server:
        monkeypatch.setattr(server.stage.hub, "snapshot", lambda: 1 / 0)
        answer = ask(server, "/api/run")
        assert answer.status == 500 and "division" not in answer.json["error"]
        assert "content-security-policy" in answer.headers
        assert ask(server, "/healthz").status == 200
    assert "ZeroDivisionError" in caplog.text
