"""A real server for tests: uvicorn on a real port, in a thread, with real children."""

import asyncio
import base64
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from server.app import Stage
from server.serving import Server, bind
from server.settings import Settings
from server.stageinfo import DemoInfo, ReplayInfo

TOKEN = "the-presenters-token-in-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
FAKE_RACE = Path(__file__).with_name("fake_race.py")


def fake_race(how: str) -> Callable[[str | None], Sequence[str]]:
    return lambda demo: [sys.executable, str(FAKE_RACE), how]


DEMO = DemoInfo("fake", "Fake", "Nothing.", [{"label": "A", "name": "a", "runtime": "simulated"}], {"rounds": 4}, True)


class Serving:
    """`with Serving() as server:` has it running on `server.port`."""

    def __init__(
        self, how: str = "race", *, replay: ReplayInfo | None = None, autostart: bool = False, **settings: Any
    ):
        self.settings = replace(Settings(port=0, token=TOKEN), **settings)
        self.stage = Stage(self.settings, fake_race(how), demo=DEMO, replay=replay, autostart=autostart)
        self.ready = threading.Event()
        self.server = Server(self.stage, self.ready.set)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.server.run(sockets=[self.listener])

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The server's own."""
        (connection, *_) = self.server.server_state.connections
        loop: asyncio.AbstractEventLoop = connection.loop
        return loop

    def __enter__(self) -> Self:
        self.listener = bind(self.settings.host, self.settings.port)
        self.port = self.listener.getsockname()[1]
        self.thread.start()
        assert self.ready.wait(10), "the server did not become ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.should_exit = True
        self.thread.join(15)
        self.listener.close()
        assert not self.thread.is_alive(), "the server did not shut down"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"


def silent_viewer(port: int, query: str = "") -> socket.socket:
    """A viewer with a small window that reads nothing, not even the answer to its handshake."""
    viewer = socket.socket()
    viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    viewer.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    viewer.sendall(
        f"GET /ws{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return viewer


async def settle(condition: Callable[[], bool], seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        await asyncio.sleep(0.05)
