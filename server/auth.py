"""Who may control: one-time tickets, the presenter's cookie, bearer tokens, origins and hosts."""

import secrets
import socket
from collections.abc import Collection
from http import HTTPStatus
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from engine.clock import NS, Clock, MonotonicClock
from server.settings import ANY_HOST, LOOPBACK, Settings

_DEFAULT_PORTS = {"http": 80, "https": 443}

TICKET_SECONDS = 12 * 3600
"""A ticket from the start-up that nobody has used by then is worth nothing any more."""
SESSION_SECONDS = 12 * 3600
"""A day on stage; then the presenter needs another ticket."""
_MOST = 64


class Refusal(NamedTuple):
    """Why a request may not do what it asks: an HTTP status and one sentence."""

    status: HTTPStatus
    sentence: str


class Gate:
    """Knows the presenter: by the cookie that a ticket was exchanged for, or by the token itself."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.token = settings.token or secrets.token_urlsafe(32)
        self._origins = settings.origins
        clock = clock or MonotonicClock()
        self._tickets = _Secrets(clock, TICKET_SECONDS)
        self._sessions = _Secrets(clock, SESSION_SECONDS)

    def issue_ticket(self) -> str:
        """A ticket for `/login?ticket=...`; it works once, within TICKET_SECONDS."""
        return self._tickets.issue()

    def redeem(self, ticket: str) -> str | None:
        """A cookie's value for a good `ticket`, which is used up by this; None for any other."""
        return self._sessions.issue() if self._tickets.take(ticket) else None

    def is_presenter(self, connection: HTTPConnection) -> bool:
        """Whether the request carries a presenter's cookie that has not expired, or the token."""
        return self._by_token(connection) or self._sessions.knows(connection.cookies.get(cookie_name(connection), ""))

    def may_control(self, connection: HTTPConnection) -> bool:
        """Whether the request may start and stop."""
        return self.refusal(connection) is None

    def refusal(self, connection: HTTPConnection) -> Refusal | None:
        """Why the request may not control; None when it may."""
        if not same_origin(connection, self._origins):
            return Refusal(HTTPStatus.FORBIDDEN, "this origin may not control the race")
        if not self.is_presenter(connection):
            sentence = "open the login link that the server printed, or send its token as a bearer token"
            return Refusal(HTTPStatus.UNAUTHORIZED, sentence)
        if not self._by_token(connection) and not _names_origin(connection):
            sentence = "a request with the cookie has to say its origin; send the token instead"
            return Refusal(HTTPStatus.FORBIDDEN, sentence)
        return None

    def _by_token(self, connection: HTTPConnection) -> bool:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and _same(self.token, token.strip())


class _Secrets:
    """Random words that are known for a while; of too many the oldest are forgotten."""

    def __init__(self, clock: Clock, seconds: int) -> None:
        self._clock, self._lasts_ns = clock, seconds * NS
        self._until_ns: dict[str, int] = {}

    def issue(self) -> str:
        """A new one."""
        word = secrets.token_urlsafe(32)
        self._until_ns[word] = self._clock.now_ns() + self._lasts_ns
        while len(self._until_ns) > _MOST:
            del self._until_ns[next(iter(self._until_ns))]
        return word

    def knows(self, word: str) -> bool:
        """Whether `word` is one of them, in a time that tells nothing of any."""
        return self._found(word) is not None

    def take(self, word: str) -> bool:
        """The same, and it is used up."""
        found = self._found(word)
        if found is not None:
            del self._until_ns[found]
        return found is not None

    def _found(self, word: str) -> str | None:
        now_ns = self._clock.now_ns()
        self._until_ns = {known: until_ns for known, until_ns in self._until_ns.items() if now_ns < until_ns}
        equal = [known for known in self._until_ns if _same(known, word)]
        return equal[0] if equal else None


def by_tls(connection: HTTPConnection) -> bool:
    """Whether the browser came by TLS: to us, or to a proxy on this machine that says so. Others' word is not taken."""
    if connection.url.scheme in {"https", "wss"}:
        return True
    peer = connection.client.host.removeprefix("::ffff:") if connection.client else ""
    told = connection.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return told == "https" and _is_address(peer) and ip_address(peer).is_loopback


def cookie_name(connection: HTTPConnection) -> str:
    """The presenter's cookie; browsers share cookies between ports, so each port has a name of its own."""
    server = connection.scope.get("server")
    return f"wattrace-{server[1] if server else 0}"


def same_origin(connection: HTTPConnection, allowed: Collection[str]) -> bool:
    """Whether the request's Origin is this very host or an `allowed` one; none at all is no browser's."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
    origin = origin.strip().lower().rstrip("/")
    theirs = _authority(origin)
    ours = _authority(f"{origin.partition(':')[0]}://{connection.headers.get('host', '').lower()}")
    return origin in allowed or (theirs is not None and theirs == ours)


def _names_origin(connection: HTTPConnection) -> bool:
    """Whether the request says where it comes from, as every browser's does before it changes anything."""
    safe = connection.scope.get("method", "GET") in {"GET", "HEAD"}
    return safe or "origin" in connection.headers or connection.headers.get("sec-fetch-site") == "same-origin"


class Hosts:
    """The names that this server may be addressed by, which keeps out pages whose name was made to point here.

    Such a page (DNS rebinding) has a name of its own, so beyond loopback every address will do. `own` is the machine's
    name, which mDNS knows as NAME.local; with any other suffix it may be anybody's. Such names are told by settings, as
    proxies' are.
    """

    def __init__(self, settings: Settings, own: str | None = None) -> None:
        named = {name.strip("[]") for name in settings.hosts}
        proxied = {urlsplit(origin).hostname for origin in settings.origins}
        self._any = ANY_HOST in named
        self._known = LOOPBACK | named | proxied | {settings.host.lower().strip("[]")}
        self._beyond = not settings.on_loopback
        if self._beyond:
            own = (own or socket.gethostname()).lower()
            bare = own.partition(".")[0]
            self._known |= {own, bare, f"{bare}.local"}

    def allow(self, connection: HTTPConnection) -> bool:
        """Whether the Host header names this server."""
        if self._any:
            return True
        try:
            host = urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
        except ValueError:
            return False
        return host in self._known or (self._beyond and _is_address(host))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _authority(origin: str) -> str | None:
    """`host:port` of an origin; None for `null` and other oddities."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return f"{parts.hostname}:{port}" if parts.hostname and port else None


def _same(known: str, given: str) -> bool:
    """Equality in a time that does not tell how much of it was right."""
    return secrets.compare_digest(known.encode(), given.encode("utf-8", "surrogateescape"))
