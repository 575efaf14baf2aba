"""`wattrace record URL --out FILE`: another server's recording, byte for byte, through cuts and restarts."""

import asyncio
import os
import random
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, InvalidURI
from websockets.http11 import Response

from engine.errors import RecordingError, ServerError
from server.frames import CloseCode

_LONGEST_WAIT_SECONDS = 15.0
_GOODBYE_SECONDS = 1.0
_FULL_SECONDS = 60.0
"""A server that has as many recorders as it takes wants to be left alone for so long."""
_FINAL = {CloseCode.NOT_AN_ACK, CloseCode.ORIGIN, CloseCode.NO_SUCH_RECORDING, CloseCode.NO_SUCH_POSITION}
_NOT_OURS = "no wattrace answers there"
_LATER = {408, 425, 429}
"""HTTP's refusals that mean: not now. All its others (4xx) are for good; a server's failures (5xx) may pass."""

Say = Callable[[str], None]


class RemoteRecording:
    """Copies the run on stage at `url` (or `run`) into `file`, which must not exist unless `go_on`.

    The presenter's `token` opens a run that was never on stage. It is told to no server that needs none.
    """

    def __init__(
        self, url: str, file: Path, *, run: str | None = None, go_on: bool = False, token: str | None = None, say: Say
    ) -> None:
        self.address = _address(url)
        self._headers = {"Authorization": f"Bearer {token}"} if token and (run or go_on) else {}
        self.file, self.run, self._say = file, run, say
        self.complete = False
        self._failures = 0
        self._position = 0
        self._go_on = go_on

    async def copy(self) -> None:
        """Copy until the recording is complete.

        Raises ServerError when the server will never give it, RecordingError when the file cannot be written.
        """
        try:
            with self.file.open("r+b" if self._go_on else "xb") as out:
                if self._go_on:
                    self._take_up(out)
                while not self.complete:
                    await self._connect_once(out)
                out.flush()
                os.fsync(out.fileno())
        except ServerError:
            if not self._go_on and self._position == 0:
                self.file.unlink(missing_ok=True)  # nothing came: the same command may be given again
            raise
        except FileExistsError:
            remedy = "name another file, or go on with it: --continue"
            raise RecordingError(self.file, f"is there already; {remedy}") from None
        except OSError as error:
            raise RecordingError(self.file, f"cannot be written: {error.strerror}") from error

    def _take_up(self, out: Any) -> None:
        """Go on behind the last whole line of what is there; its first line says which run it is of."""
        content = out.read()
        whole = content[: content.rfind(b"\n") + 1]
        first = whole.partition(b"\n")[0]
        try:
            self.run = orjson.loads(first)["run"] if first else self.run
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise RecordingError(self.file, "is no recording to go on with; name another file") from None
        out.seek(len(whole))
        out.truncate()
        self._position = len(whole)

    async def _connect_once(self, out: Any) -> None:
        """Copy for as long as one connection lasts."""
        query = {"mode": "record", "from": str(self._position), **({"run": self.run} if self.run else {})}
        try:
            address = f"{self.address}?{urlencode(query)}"
            async with connect(
                address,
                additional_headers=self._headers,
                max_size=None,
                compression=None,
                close_timeout=_GOODBYE_SECONDS,
            ) as socket:
                await self._receive(socket, out)
        except InvalidURI as error:
            raise ServerError(f"{self.address} is no address: http://HOST:PORT/ would be right") from error
        except ConnectionClosed as end:
            await self._judge(end.rcvd.code if end.rcvd else None, end.rcvd.reason if end.rcvd else "")
        except (OSError, InvalidHandshake, TimeoutError) as error:
            if refusal := _refusal(error):
                raise ServerError(f"{self.address}: {refusal}") from error
            await self._wait(str(error) or type(error).__name__)

    async def _receive(self, socket: ClientConnection, out: Any) -> None:
        try:
            self.run = orjson.loads(await socket.recv())["run"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise ServerError(f"{self.address}: {_NOT_OURS}") from None
        self._failures = 0
        self._say(f"recording {self.run} from byte {self._position:,}")
        while True:
            self._keep(await socket.recv(decode=False) + b"\n", out)

    def _keep(self, line: bytes, out: Any) -> None:
        """A full disk is no lost connection: what is half written must not be followed by the same once more."""
        try:
            out.write(line)
            out.flush()
        except OSError as error:
            raise RecordingError(self.file, f"cannot be written: {error.strerror}") from error
        self._position += len(line)

    async def _judge(self, code: int | None, reason: str) -> None:
        """What the server's close means: the end, never, or again after a while."""
        self.complete = code == CloseCode.COMPLETE
        if code in _FINAL:
            raise ServerError(f"{self.address}: {reason or f'closed with {code}'}")
        if code == CloseCode.FULL:
            await self._wait(reason, random.uniform(_FULL_SECONDS, 1.5 * _FULL_SECONDS))
        elif not self.complete:
            await self._wait("the connection is lost")

    async def _wait(self, why: str, seconds: float | None = None) -> None:
        """`seconds`, else longer with every failure; never two recorders at the same time."""
        if seconds is None:
            ceiling = min(_LONGEST_WAIT_SECONDS, 0.5 * 2 ** min(self._failures, 8))
            self._failures += 1
            seconds = random.uniform(ceiling / 2, ceiling)
        self._say(f"{why}; again in {seconds:.0f} s (Ctrl-C ends)")
        await asyncio.sleep(seconds)


def _refusal(error: Exception) -> str | None:
    """Why the server will never let us in; None where it may yet."""
    match error:
        case InvalidStatus(response=response):
            status = response.status_code
            if status in _LATER or status >= 500:
                return None
            return f"refused with {status}: {_sentence(response) or response.reason_phrase or _NOT_OURS}"
        case InvalidMessage() if isinstance(error.__cause__, EOFError):  # it has ended meanwhile
            return None
        case InvalidHandshake():
            return _NOT_OURS
        case ssl.SSLCertVerificationError():
            return f"its certificate is not to be trusted: {error.verify_message}"
        case _:
            return None


def _sentence(response: Response) -> str:
    """What a wattrace says of it; nothing where that may be anything, for a terminal."""
    try:
        sentence = orjson.loads(response.body)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    return sentence if isinstance(sentence, str) and sentence.isprintable() else ""


def _address(url: str) -> str:
    """The stream's address behind what a person types or copies from the browser."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.netloc:
        raise ServerError(f"{url} is no address: http://HOST:PORT/ would be right")
    path = parts.path.removesuffix("/ws").rstrip("/")
    return f"{schemes[parts.scheme]}://{parts.netloc}{path}/ws"
