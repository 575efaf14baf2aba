"""A proxy as notebook hosts have: it serves another server under a path, and takes that path off on the way."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Self

PREFIX = "/user/ada/proxy/8765"
NOTHING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PrefixProxy:
    """`with PrefixProxy(port) as proxy:` serves at `proxy.url`; `proxy.strays` were asked for beside the path."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.strays: list[str] = []
        self.port = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}/"

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._connected, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._over.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, or one WebSocket: the answer's end is the connection's."""
        async with _ended(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, rest = head.split(" ", 2)
            if not path.startswith(f"{PREFIX}/"):
                self.strays.append(path)
                writer.write(NOTHING)
                return
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            async with _ended(back):
                head = f"{method} {path.removeprefix(PREFIX)} {rest}".replace("keep-alive", "close", 1)
                back.write(head.encode("latin-1"))
                forth = asyncio.create_task(_copied(reader, back))
                await asyncio.wait((forth, asyncio.create_task(_copied(there, writer))), return_when="FIRST_COMPLETED")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)


@asynccontextmanager
async def _ended(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Closed at the end, however that comes."""
    try:
        with suppress(OSError, asyncio.IncompleteReadError):
            yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
