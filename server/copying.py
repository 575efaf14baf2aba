"""`/ws?mode=record`: every document of a run, from the recording itself, at the reader's pace.

The hub has no part in it, so a recorder that is slow, or asks for everything, costs the viewers nothing.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import BinaryIO

import orjson
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from server.frames import Close, CloseCode, too_large
from server.scene import Scene
from server.shelf import Shelf
from server.writing import Writing

logger = logging.getLogger("wattrace.copying")

_CHUNK_BYTES = 1 << 18
_LOOK_SECONDS = 0.1
"""How soon a live recording is looked at again after its end was read."""
_MOST_DIGITS = 15


class Copying:
    """Sends recordings of `shelf` to `most` recorders at a time; `scene()` says which run is on, and until when.

    Recordings of runs that were never on stage go to whom `trusted` trusts alone.
    """

    def __init__(
        self,
        scene: Callable[[], Scene],
        shelf: Shelf,
        most: int,
        trusted: Callable[[HTTPConnection], bool] = lambda connection: False,
    ) -> None:
        self._scene, self.shelf, self.most, self._trusted = scene, shelf, most, trusted
        self.recorders = 0
        self._closing = asyncio.Event()

    async def close(self, grace_seconds: float = 0.5) -> None:
        """Wait so long for recordings that are about to be complete; then send the recorders away, to come back."""
        until = asyncio.get_running_loop().time() + grace_seconds
        while self.recorders and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_LOOK_SECONDS / 2)
        self._closing.set()

    async def serve(self, websocket: WebSocket) -> Close:
        """One recorder, after its handshake; returns with what to close it."""
        if self._closing.is_set():
            return Close(CloseCode.GOING_AWAY)
        if self.recorders >= self.most:
            return Close(CloseCode.FULL)
        self.recorders += 1
        try:
            return await self._copy(websocket)
        finally:
            self.recorders -= 1

    async def _copy(self, websocket: WebSocket) -> Close:
        position = websocket.query_params.get("from") or "0"
        if not position.isascii() or not position.isdigit() or len(position) > _MOST_DIGITS:
            return Close(CloseCode.NO_SUCH_POSITION)
        listening = asyncio.create_task(_until_gone(websocket))
        sending = asyncio.create_task(self._send(websocket, websocket.query_params.get("run"), int(position)))
        tasks = (sending, listening, asyncio.create_task(_set(self._closing)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(outcomes[0], Exception):  # it is not complete, and may be had later
            logger.error("a recording could not be read", exc_info=outcomes[0])
            return Close(CloseCode.GOING_AWAY)
        ends = [outcome for outcome in outcomes if isinstance(outcome, Close)]
        return ends[0] if ends else Close(CloseCode.GOING_AWAY)

    async def _send(self, websocket: WebSocket, run: str | None, position: int) -> Close:
        run = run or await self._a_run()
        trusted = self._trusted(websocket)
        path = await asyncio.to_thread(self.shelf.find, run, on_stage=run == self._run_on_stage(), trusted=trusted)
        if path is None:
            return Close(CloseCode.NO_SUCH_RECORDING)
        size = (await asyncio.to_thread(path.stat)).st_size
        if position > size or not await asyncio.to_thread(_begins_a_line, path, position):
            return Close(CloseCode.NO_SUCH_POSITION)
        head = {"type": "recording", "run": run, "from": position, "bytes": size}
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.send_text(orjson.dumps(head).decode())
            async with aclosing(self._lines(path, run, position)) as lines:
                async for line in lines:
                    await websocket.send_text(line.decode())
        return Close(CloseCode.COMPLETE)

    async def _a_run(self) -> str:
        """The run on stage, as soon as there is one."""
        while (run := self._run_on_stage()) is None:
            await asyncio.sleep(_LOOK_SECONDS)
        return run

    def _run_on_stage(self) -> str | None:
        start = self._scene().ledger.start
        return start.run if start else None

    async def _lines(self, path: Path, run: str, position: int) -> AsyncGenerator[bytes, None]:
        """Whole lines from `position` on, without their ends, until the run is over and its last line was read."""
        rest = b""
        with _opened(path, position) as file:
            writing = Writing(file)
            while True:
                # Asked before reading: what is written after it is read next time.
                grows = await self._grows(run, writing)
                if grows and os.fstat(file.fileno()).st_size == file.tell():  # most looks of most recorders
                    await asyncio.sleep(_LOOK_SECONDS)
                    continue
                chunk = await asyncio.to_thread(file.read, _CHUNK_BYTES)
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line
                if not chunk and not grows:
                    return
                if not chunk:
                    await asyncio.sleep(_LOOK_SECONDS)

    async def _grows(self, run: str, writing: Writing) -> bool:
        """Whether the run is still being recorded. The scene hears of its stop after the recorder has written it."""
        scene = self._scene()
        if scene.replay is None and run == self._run_on_stage():
            return scene.state not in {"done", "failed", "aborted"}
        return not await writing.over()  # a race of an earlier server may still be on


def _opened(path: Path, position: int) -> BinaryIO:
    """Not in a thread: who is cancelled while it opens a file would never get to close it."""
    file = path.open("rb")
    file.seek(position)
    return file


def _begins_a_line(path: Path, position: int) -> bool:
    if position == 0:
        return True
    with path.open("rb") as file:
        file.seek(position - 1)
        return file.read(1) == b"\n"


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _until_gone(websocket: WebSocket) -> Close | None:
    """Recorders send nothing."""
    message = await websocket.receive()
    if message["type"] != "websocket.receive":
        return None
    said = message.get("text")
    return Close(CloseCode.TOO_LARGE if too_large(message["bytes"] if said is None else said) else CloseCode.NOT_AN_ACK)
