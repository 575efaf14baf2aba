"""The servers that are compared: `servers.py ours|naive|broadcast HERTZ BYTES [SETTING=NUMBER...]`.

Each says on stdout which port it serves on. A line on stdin is answered by a line of JSON: what the hub counts, and the
resident memory after a collection. The end of stdin ends it.
"""

import asyncio
import gc
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

Tell = Callable[[], dict[str, Any]]


def padded(text: str, size: int) -> str:
    """A frame of exactly `size` bytes."""
    return f'{text[:-1]},"pad":"{"x" * (size - len(text) - 9)}"}}'


def frame(seq: int, size: int) -> str:
    """What the baselines send."""
    return padded(f'{{"type":"frame","seq":{seq},"t_ns":{time.monotonic_ns()}}}', size)


def resident_kb() -> int:
    """Of this process."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def answer(tell: Tell, end: Callable[[], object]) -> None:
    """Serve stdin, in a thread of its own, which sleeps while it is not asked."""

    def run() -> None:
        for _ in sys.stdin:
            gc.collect()
            print(json.dumps({**tell(), "resident_kb": resident_kb()}), flush=True)
        end()

    threading.Thread(target=run, daemon=True).start()


# -- ours


def ours(hertz: float, size: int, settings: dict[str, Any]) -> None:
    """The real server without a race: its frames are padded to `size`, all else is as ever."""
    from server.app import Stage
    from server.backlog import KEPT_SECONDS
    from server.serving import Server, bind
    from server.settings import Settings

    stage = Stage(replace(Settings(port=0, frame_rate=hertz), **settings), lambda demo: [])
    working = stage.scene.payload
    room = size - len('{"type":"frame","seq":1234567,"t_ns":1234567890123456,"pad":""}') - 1

    def payload(now_ns: int) -> dict[str, Any]:
        content = working(now_ns)
        left = room - len(orjson.dumps(content))  # as the server encodes it: the padding is to cost next to nothing
        return {**content, "pad": "x" * left}

    stage.scene.payload = payload  # type: ignore[method-assign]  # for frames of the size that is asked
    age(stage.hub, round(KEPT_SECONDS * hertz))
    listener = bind("127.0.0.1", 0)
    server = Server(stage, lambda: print(listener.getsockname()[1], flush=True))
    answer(stage.hub.stats, lambda: setattr(server, "should_exit", True))
    server.run(sockets=[listener])


def age(hub: Any, frames: int) -> None:
    """As after a minute: the frames that are kept for who comes back are all there."""
    for _ in range(frames):
        hub._publish()


# -- what anybody would write first


def naive(hertz: float, size: int) -> None:
    """Starlette under uvicorn, as ours; every viewer is awaited in turn."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket, WebSocketDisconnect

    viewers: set[WebSocket] = set()

    async def watch(websocket: WebSocket) -> None:
        await websocket.accept()
        viewers.add(websocket)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            viewers.discard(websocket)

    async def publish(text: str) -> None:
        for viewer in tuple(viewers):
            await viewer.send_text(text)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        task = asyncio.create_task(tick(hertz, size, publish))
        print(listener.getsockname()[1], flush=True)
        yield
        task.cancel()

    from server.serving import bind

    listener = bind("127.0.0.1", 0)
    app = Starlette(routes=[WebSocketRoute("/ws", watch)], lifespan=lifespan)
    config = uvicorn.Config(
        app, loop="uvloop", ws="websockets-sansio", ws_per_message_deflate=False, log_level="error", access_log=False
    )
    server = uvicorn.Server(config)
    answer(dict, lambda: setattr(server, "should_exit", True))
    server.run(sockets=[listener])


# -- the fast way that websockets has


def broadcast(hertz: float, size: int) -> None:
    """A bare `websockets` server on the same loop."""
    import uvloop

    uvloop.run(_broadcast(hertz, size))


async def _broadcast(hertz: float, size: int) -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve
    from websockets.exceptions import ConnectionClosed

    viewers: set[ServerConnection] = set()
    over, loop = asyncio.Event(), asyncio.get_running_loop()

    async def watch(connection: ServerConnection) -> None:
        viewers.add(connection)
        with suppress(ConnectionClosed):
            async for _ in connection:
                pass
        viewers.discard(connection)

    async def publish(text: str) -> None:
        broadcast(viewers, text)

    async with serve(watch, "127.0.0.1", 0, compression=None) as server:
        (listener, *_) = server.sockets
        print(listener.getsockname()[1], flush=True)
        answer(dict, lambda: loop.call_soon_threadsafe(over.set))
        task = asyncio.create_task(tick(hertz, size, publish))
        await over.wait()
        task.cancel()


async def tick(hertz: float, size: int, publish: Callable[[str], Any]) -> None:
    """Publish on absolute deadlines; after a long stop, go on from there."""
    due, seq = time.monotonic(), 0
    while True:
        due = max(due + 1 / hertz, time.monotonic() - 0.25)
        await asyncio.sleep(max(0, due - time.monotonic()))
        seq += 1
        await publish(frame(seq, size))


def settings_of(words: Iterable[str]) -> dict[str, Any]:
    """`credit=12` and the like."""
    pairs = (word.split("=") for word in words)
    return {name: int(value) if value.isdigit() else float(value) for name, value in pairs}


def main() -> None:
    """See the module."""
    kind, hertz, size, *words = sys.argv[1:]
    if kind == "ours":
        ours(float(hertz), int(size), settings_of(words))
    else:
        {"naive": naive, "broadcast": broadcast}[kind](float(hertz), int(size))


if __name__ == "__main__":
    main()
