"""The endpoint `/ws`: a `hello`, then frames, as long as the viewer keeps up. Viewers write only acks."""

import asyncio
from contextlib import suppress

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.clock import Clock
from server.auth import same_origin
from server.fastpath import ABORT
from server.frames import Close, CloseCode, parse_client
from server.hub import Hub, Viewer
from server.settings import Settings

_LAST_WORDS_SECONDS = 0.5
"""How long a viewer may take to hear why it is sent away."""
_ANSWER_SECONDS, _HURRY_SECONDS = 2.0, 0.3
"""How long it may take to close its own side; the second one when the server is going away."""


class Watch:
    """Serves viewers from the hub."""

    def __init__(self, hub: Hub, settings: Settings, clock: Clock) -> None:
        self.hub, self.settings, self.clock = hub, settings, clock

    def route(self) -> WebSocketRoute:
        """The route `/ws`."""
        return WebSocketRoute("/ws", self.serve, name="ws")

    async def serve(self, websocket: WebSocket) -> None:
        """One viewer, from its handshake to its close."""
        # A browser sees close codes only after the handshake, so that refusals accept first, too.
        await websocket.accept()
        if not same_origin(websocket, self.settings.origins):
            return await _goodbye(websocket, Close(CloseCode.ORIGIN))
        viewer = self.hub.join()
        if isinstance(viewer, Close):
            return await _goodbye(websocket, viewer)
        try:
            await self._converse(websocket, viewer)
        finally:
            self.hub.leave(viewer)

    async def _converse(self, websocket: WebSocket, viewer: Viewer) -> None:
        """Send and receive until one of the two has ended, or the hub has cancelled the sending."""
        sending = viewer.sending = asyncio.create_task(_send(websocket, viewer, self.clock))
        receiving = asyncio.create_task(_receive(websocket, viewer, self.clock))
        try:
            await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            receiving.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
        if viewer.closing is not None:
            await _goodbye(websocket, viewer.closing)


async def _send(websocket: WebSocket, viewer: Viewer, clock: Clock) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # the peer, or the protocol, has closed
        while True:
            await websocket.send_text(await viewer.next())
            if not viewer.credit.exhausted:
                viewer.progress_ns = clock.now_ns()


async def _receive(websocket: WebSocket, viewer: Viewer, clock: Clock) -> None:
    """Always at it: the server reads no more from a viewer's socket than the application has received."""
    while (message := await websocket.receive())["type"] == "websocket.receive":
        content = message.get("text")
        said = parse_client(content if content is not None else message["bytes"])
        refusal = said if isinstance(said, Close) else viewer.acknowledge(said, clock.now_ns())
        if refusal is not None:
            viewer.closing = viewer.closing or refusal
            return


async def _goodbye(websocket: WebSocket, close: Close) -> None:
    """Say why, to those who can still hear it; drop the connection of who does not answer."""
    abort = websocket.scope.get("extensions", {}).get(ABORT, {}).get("abort")
    try:
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            await websocket.close(close.code, close.reason)
    except TimeoutError:
        if abort:
            abort()
    except (RuntimeError, WebSocketDisconnect):  # gone already
        return
    if abort:
        # Closing politely waits for unsent data, which a viewer that never reads would keep for ever.
        patience = _HURRY_SECONDS if close.code is CloseCode.GOING_AWAY else _ANSWER_SECONDS
        asyncio.get_running_loop().call_later(patience, abort)
