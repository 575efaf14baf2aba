"""The application served by uvicorn on a socket that is bound already, from its first request to its last signal."""

import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from engine.errors import PortInUse, ServerError
from engine.network import addresses
from server.app import Stage
from server.auth import Gate
from server.fastpath import ViewerProtocol
from server.plainpath import RequestProtocol
from server.settings import Settings

_MAX_MESSAGE_BYTES = 4096
_GRACE_SECONDS = 1
_BACKLOG = 2048
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
"""Wildcards, and where this machine finds itself then."""


@dataclass(frozen=True)
class Address:
    """Where the server listens, and how the presenter gets in."""

    url: str
    login_url: str
    """Works once, for whoever opens it first."""
    token: str
    port: int
    phone_urls: tuple[str, ...] = ()
    """The console, for a phone in the same network; one of them works, once. None on loopback."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on `host`:`port` (0: any free one). Raises PortInUse, or ServerError with why."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        raise ServerError(f"cannot listen on {host}: {error.strerror or error}") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _bind_error(host, port, error) from error
    return listener


def serve(stage: Stage, *, ready: Callable[[Address], None] = lambda address: None) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; `ready` is called once it answers requests, and must not block.

    Raises PortInUse before anything is started.
    """
    settings = stage.settings
    listener = bind(settings.host, settings.port)
    try:
        port = listener.getsockname()[1]
        Server(stage, lambda: ready(address(settings, stage.gate, port))).run(sockets=[listener])
    finally:
        listener.close()


def address(settings: Settings, gate: Gate, port: int) -> Address:
    """Where to find the server; a wildcard host is reached by the loopback address from here."""
    host = _ANY.get(settings.host, settings.host)
    url = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
    login_url = f"{url}login?ticket={gate.issue_ticket()}"
    return Address(url, login_url, gate.token, port, tuple(_phone_urls(settings, gate, port)))


def _phone_urls(settings: Settings, gate: Gate, port: int) -> Iterator[str]:
    """One ticket, at each address of this machine at which a phone may find the server."""
    if settings.on_loopback:
        return
    ticket = gate.issue_ticket()
    hosts = addresses() if settings.host in _ANY else [settings.host]
    for host in hosts:
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{port}/login?ticket={ticket}&to=present"


class Server(uvicorn.Server):
    """uvicorn, with our own beginning and end."""

    def __init__(self, stage: Stage, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            stage.app,
            loop="uvloop",
            http=RequestProtocol,
            ws=ViewerProtocol,
            ws_max_size=_MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            log_level="warning",  # at INFO, uvicorn logs query strings
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            backlog=_BACKLOG,
        )
        super().__init__(config)
        self._stage, self._ready = stage, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say so."""
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Viewers first: they are told why, and nobody who never reads can hold the server up."""
        await self._stage.leave()
        await super().shutdown(sockets=sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Exit on signals, in order; uvicorn would raise them again at the end, as if nobody had listened."""
        try:
            before = {number: signal.signal(number, self.handle_exit) for number in _wanted_signals()}
        except ValueError:  # not the main thread: whoever runs us there sets should_exit
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _wanted_signals() -> list[signal.Signals]:
    """SIGHUP, too (the terminal is closed), unless nohup has had it ignored."""
    wanted = [signal.SIGINT, signal.SIGTERM]
    return wanted if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [*wanted, signal.SIGHUP]


def _bind_error(host: str, port: int, error: OSError) -> ServerError:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(host, port)
    return ServerError(f"cannot listen on {host}:{port}: {error.strerror}")
