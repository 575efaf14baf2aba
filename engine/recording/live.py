"""The recording of the run that a server shows, followed while it is made."""

import asyncio
import random
import tempfile
import weakref
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson

from engine.documents import Document
from engine.errors import RecordingError
from engine.recording.reader import decode_line
from engine.recording.recording import Recording

_LONGEST_WAIT_SECONDS = 15.0
_COMPLETE = aiohttp.WSCloseCode.OK
_REFUSED = frozenset({4400, 4403, 4404, 4413, 4416, 4420})
"""The server's close codes that will not change by asking again (docs/protocol.md)."""
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


class LiveRecording(Recording):
    """The run on the stage of a server: what was followed of it by `async for`, which goes on where it left off."""

    def __init__(self, url: str) -> None:
        self._spool = Spool(url)
        super().__init__(self._spool.path)

    def follow(self, *, quiet_seconds: float | None = None) -> AsyncIterator[Document]:
        """Every document that was not followed yet, until the stop; the server says when it is over."""
        return self._spool.follow()


class Spool:
    """A copy of what the server at `url` tells of the run on stage, or of `run`, as far as it was followed.

    The copy's file lasts as long as this object.
    """

    def __init__(self, url: str, *, run: str | None = None) -> None:
        self.address = _address(url)
        self._run = run
        with tempfile.NamedTemporaryFile(prefix="wattrace-", suffix=".jsonl", delete=False) as file:
            self.path = Path(file.name)
        weakref.finalize(self, self.path.unlink, missing_ok=True)
        self._position = self._lines = self._failures = 0

    async def follow(self) -> AsyncIterator[Document]:
        """Every document from where the copy ends until the run's stop, through cuts of the connection.

        Raises RecordingError where the server will never give it.
        """
        complete = False
        with self.path.open("ab") as out:
            while not complete:
                try:
                    async with aclosing(self._connected()) as lines:
                        async for line in lines:
                            out.write(line)
                            out.flush()
                            self._position, self._lines = self._position + len(line), self._lines + 1
                            yield decode_line(line, path=self.path, number=self._lines)
                    complete = True
                except (aiohttp.ClientError, OSError, ConnectionError) as error:
                    if isinstance(error, aiohttp.WSServerHandshakeError) and _for_good(error.status):
                        what = f"gives no recording (HTTP status {error.status})"
                        raise RecordingError(self.address, what) from error
                    if self._lines == 0 and self._failures > 2:
                        raise RecordingError(self.address, f"cannot be reached: {error}") from error
                    await self._wait()

    async def _connected(self) -> AsyncGenerator[bytes, None]:
        """Lines for as long as one connection lasts; ends where the recording is complete."""
        query = {"mode": "record", "from": str(self._position), **({"run": self._run} if self._run else {})}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.address}?{urlencode(query)}", max_msg_size=0) as socket,
        ):
            head = True  # the first message of a connection says which recording follows
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                if head:
                    self._run, self._failures, head = orjson.loads(message.data)["run"], 0, False
                else:
                    yield message.data.encode() + b"\n"
            if socket.close_code in _REFUSED:
                raise RecordingError(self.address, f"does not give this recording (code {socket.close_code})")
            if socket.close_code != _COMPLETE:
                raise ConnectionError("the connection is lost")

    async def _wait(self) -> None:
        ceiling = min(_LONGEST_WAIT_SECONDS, 0.5 * 2 ** min(self._failures, 8))
        self._failures += 1
        await asyncio.sleep(random.uniform(ceiling / 2, ceiling))


def _for_good(status: int) -> bool:
    """Whether a handshake's refusal will not change by asking again, as a server's own failures may."""
    return 400 <= status < 500 and status not in _LATER


def _address(url: str) -> str:
    """The stream's address behind what a person types or copies from the browser."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise RecordingError(url, "is no address: http://HOST:PORT/ would be right")
    path = parts.path.removesuffix("/ws").rstrip("/")
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{path}/ws"
