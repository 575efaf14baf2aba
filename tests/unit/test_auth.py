"""Tickets, tokens, origins, hosts."""

import socket

import pytest
from starlette.requests import HTTPConnection

from engine.clock import FakeClock
from server.auth import SESSION_SECONDS, TICKET_SECONDS, Gate, Hosts, by_tls, cookie_name, same_origin
from server.settings import Settings

TOKEN = "a-token-of-some-length"


def connection(host: str = "127.0.0.1:8765", **headers: str) -> HTTPConnection:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "headers": [(b"host", host.encode()), *raw], "server": ("127.0.0.1", 8765)}
    return HTTPConnection(scope)


def gate(**changes: object) -> Gate:
    return Gate(Settings(token=TOKEN, **changes))


def test_a_ticket_works_once() -> None:
    door = gate()
    ticket = door.issue_ticket()
    assert door.redeem("") is None
    assert door.redeem(ticket[:-1]) is None
    cookie = door.redeem(ticket)
    assert cookie and cookie not in {ticket, TOKEN}
    assert door.redeem(ticket) is None


def test_the_cookie_is_the_presenters() -> None:
    door = gate()
    cookie = door.redeem(door.issue_ticket())
    name = cookie_name(connection())
    assert name == "wattrace-8765"
    assert door.is_presenter(connection(cookie=f"{name}={cookie}"))
    assert not door.is_presenter(connection(cookie=f"{name}=x{cookie}"))
    assert not door.is_presenter(connection(cookie=f"wattrace-8766={cookie}"))
    assert not door.is_presenter(connection(cookie=f"{name}="))


def test_every_gate_has_secrets_of_its_own() -> None:
    one, other = Gate(Settings()), Gate(Settings())
    assert one.token != other.token and len(one.token) >= 32
    cookie = one.redeem(one.issue_ticket())
    assert not other.is_presenter(connection(cookie=f"wattrace-8765={cookie}"))
    assert other.redeem(one.issue_ticket()) is None


def test_tickets_and_sessions_expire_each_on_its_own() -> None:
    clock = FakeClock()
    door = Gate(Settings(token=TOKEN), clock)
    late, first = door.issue_ticket(), door.redeem(door.issue_ticket())
    clock.advance(TICKET_SECONDS - 1)
    second = door.redeem(door.issue_ticket())
    unused = door.issue_ticket()
    clock.advance(1)
    assert first != second and door.redeem(late) is None
    assert not door.is_presenter(connection(cookie=f"wattrace-8765={first}"))
    assert door.is_presenter(connection(cookie=f"wattrace-8765={second}"))
    assert door.redeem(unused) is not None
    clock.advance(SESSION_SECONDS)
    refusal = door.refusal(connection(cookie=f"wattrace-8765={second}"))
    assert refusal and refusal.status == 401
    assert door.is_presenter(connection(authorization=f"Bearer {TOKEN}")), "the token is the operator's own"


def test_of_many_tickets_the_oldest_are_forgotten() -> None:
    door = gate()
    tickets = [door.issue_ticket() for _ in range(100)]
    assert door.redeem(tickets[0]) is None and door.redeem(tickets[-1]) is not None


@pytest.mark.parametrize(
    ("header", "good"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN}", True),
        (f"Bearer {TOKEN}x", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer", False),
        ("Bearer \xff\xfe", False),
    ],
)
def test_bearer_tokens(header: str, good: bool) -> None:
    assert gate().is_presenter(connection(authorization=header)) is good


@pytest.mark.parametrize(
    ("host", "origin", "good"),
    [
        ("127.0.0.1:8765", "http://127.0.0.1:8765", True),
        ("127.0.0.1:8765", "http://127.0.0.1:8766", False),
        ("127.0.0.1:8765", "http://localhost:8765", False),
        ("127.0.0.1:8765", "https://evil.example", False),
        ("127.0.0.1:8765", "null", False),
        ("127.0.0.1:8765", "", False),
        ("127.0.0.1:8765", "http://[", False),
        ("127.0.0.1:8765", "http://x:99999", False),
        ("[::1]:8765", "http://[::1]:8765", True),
        ("Stage.Example", "https://stage.example", True),  # behind a proxy that ends TLS
        ("stage.example:443", "https://stage.example", True),
        ("stage.example", "http://stage.example:80", True),
        ("stage.example", "https://stage.example:8443", False),
        ("127.0.0.1:8765", "https://friend.example", True),
    ],
)
def test_origins(host: str, origin: str, good: bool) -> None:
    assert same_origin(connection(host, origin=origin), ("https://friend.example",)) is good


def test_no_origin_is_no_browsers_unless_it_says_so() -> None:
    assert same_origin(connection(), ())
    assert same_origin(connection(sec_fetch_site="same-origin"), ())
    assert not same_origin(connection(sec_fetch_site="cross-site"), ())
    assert not same_origin(connection(sec_fetch_site="same-site"), ())


def test_control_needs_origin_and_token() -> None:
    door, bearer = gate(), f"Bearer {TOKEN}"
    missing = door.refusal(connection())
    foreign = door.refusal(connection(authorization=bearer, origin="https://evil.example"))
    assert missing and missing.status == 401
    assert foreign and foreign.status == 403
    assert door.may_control(connection(authorization=bearer))
    assert door.may_control(connection(authorization=bearer, origin="http://127.0.0.1:8765"))


def test_the_cookie_alone_changes_nothing_without_an_origin() -> None:
    door = gate()
    cookie = f"wattrace-8765={door.redeem(door.issue_ticket())}"
    posted = connection(cookie=cookie)
    posted.scope["method"] = "POST"
    refusal = door.refusal(posted)
    assert refusal and refusal.status == 403
    posted = connection(cookie=cookie, origin="http://127.0.0.1:8765")
    posted.scope["method"] = "POST"
    assert door.refusal(posted) is None


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("127.0.0.1:8765", True),
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("[::1]:8765", True),
        ("stage.example:8765", True),
        ("evil.example:8765", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        ("[", False),
    ],
)
def test_hosts_on_loopback(host: str, good: bool) -> None:
    assert Hosts(Settings(hosts=("stage.example",)), own="gpubox").allow(connection(host)) is good


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("192.0.2.7:8765", True),  # an address is nobody's name
        ("[2001:db8::7]:8765", True),
        ("localhost:8765", True),
        ("gpubox:8765", True),
        ("GPUbox.local", True),
        ("gpubox.lab.example:8765", True),  # the machine's own, whole
        ("gpubox.evil.example", False),
        ("gpubox.local.evil.example", False),
        ("stage.example", True),  # listed
        ("talk.example", True),  # of an origin that is
        ("evil.example:8765", False),
        ("evil.gpubox", False),
        ("192.0.2.7.evil.example", False),
        ("", False),
        ("[", False),
    ],
)
def test_hosts_beyond_loopback(host: str, good: bool) -> None:
    settings = Settings(host="0.0.0.0", hosts=("stage.example",), origins=("https://talk.example:444",))
    assert Hosts(settings, own="gpubox.lab.example").allow(connection(host)) is good


@pytest.mark.parametrize(
    ("scheme", "peer", "told", "secure"),
    [
        ("http", "127.0.0.1", None, False),
        ("https", "203.0.113.5", None, True),
        ("http", "127.0.0.1", "https", True),
        ("http", "::1", "HTTPS, http", True),
        ("http", "::ffff:127.0.0.1", "https", True),
        ("http", "127.0.0.1", "http", False),
        ("http", "127.0.0.1", "http, https", False),
        ("http", "203.0.113.5", "https", False),
        ("http", "", "https", False),
    ],
)
def test_a_proxy_on_this_machine_says_whether_the_browser_came_by_tls(
    scheme: str, peer: str, told: str | None, secure: bool
) -> None:
    request = connection(**({} if told is None else {"x_forwarded_proto": told}))
    request.scope |= {"scheme": scheme, "client": (peer, 4000), "path": "/"}
    assert by_tls(request) is secure


def test_any_host_may_be_allowed() -> None:
    assert Hosts(Settings(host="0.0.0.0", hosts=("*",)), own="gpubox").allow(connection("anything.example"))
    assert Hosts(Settings(host="0.0.0.0")).allow(connection(socket.gethostname())), "the machine's own name is known"
