"""The endpoint `/ws`: a `hello`, then frames, as long as the viewer keeps up. Viewers write only acks."""

import asyncio
from contextlib import suppress

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.clock import Clock
from server.auth import same_origin
from server.copying import Copying
from server.fastpath import WIRE, ViewerProtocol
from server.frames import Close, CloseCode
from server.hub import Hub, Seen
from server.settings import Settings
from server.viewer import Viewer

_LAST_WORDS_SECONDS = 0.5
"""How long a viewer may take to hear why it is sent away."""
_ANSWER_SECONDS = 2.0
_PATIENCE_SECONDS = {CloseCode.GOING_AWAY: 0.3, CloseCode.COMPLETE: 60.0}
"""How long it may take to close its own side: less when the server goes away, more to read a recording's end."""


class Watch:
    """Serves viewers from the hub, over the wire where uvicorn runs our protocol, and recorders from the recording."""

    def __init__(self, hub: Hub, copying: Copying, settings: Settings, clock: Clock) -> None:
        self.hub, self.copying, self.settings, self.clock = hub, copying, settings, clock

    def route(self) -> WebSocketRoute:
        """The route `/ws`."""
        return WebSocketRoute("/ws", self.serve, name="ws")

    async def serve(self, websocket: WebSocket) -> None:
        """One viewer, from its handshake to its close."""
        # A browser sees close codes only after the handshake, so that refusals accept first, too.
        await websocket.accept()
        if not same_origin(websocket, self.settings.origins):
            await goodbye(websocket, Close(CloseCode.ORIGIN))
            return
        wire = wire_of(websocket)
        if websocket.query_params.get("mode") == "record":
            if wire is not None:
                wire.take_time()
            await goodbye(websocket, await self.copying.serve(websocket))
            return
        address = websocket.client.host if websocket.client else None
        query = websocket.query_params
        seen, prompt = Seen.parse(query.get("run", ""), query.get("since", "")), query.get("prompt") == "1"
        viewer = self.hub.join(wire, address=address, seen=seen, prompt=prompt)
        if isinstance(viewer, Close):
            await goodbye(websocket, viewer)
            return
        try:
            if wire is not None:
                await _listen(wire, viewer)
            else:
                await viewer.attend(_send(websocket, viewer, self.clock), _receive(websocket, viewer, self.clock))
        finally:
            self.hub.leave(viewer)
        if viewer.closing is not None:
            await goodbye(websocket, viewer.closing)


async def _listen(wire: ViewerProtocol, viewer: Viewer) -> None:
    """Everything happens on the wire; this only waits for its end."""
    wire.attach(viewer)
    try:
        viewer.pump()
        await viewer.over.wait()
    finally:
        wire.detach()


async def _send(websocket: WebSocket, viewer: Viewer, clock: Clock) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # the peer, or the protocol, has closed
        while True:
            message = await viewer.next()
            await websocket.send_text(message.payload.decode())
            if not viewer.credit.exhausted:
                viewer.progress_ns = clock.now_ns()


async def _receive(websocket: WebSocket, viewer: Viewer, clock: Clock) -> None:
    """Always at it: servers read no more from a viewer's socket than the application has received."""
    while (message := await websocket.receive())["type"] == "websocket.receive":
        content = message.get("text")
        viewer.received(content if content is not None else message["bytes"], clock.now_ns())


def wire_of(websocket: WebSocket) -> ViewerProtocol | None:
    """The connection itself, where our own protocol serves it."""
    protocol = websocket.scope.get("extensions", {}).get(WIRE, {}).get("protocol")
    return protocol if isinstance(protocol, ViewerProtocol) else None


async def goodbye(websocket: WebSocket, close: Close) -> None:
    """Say why, to those who can still hear it; drop the connection of who does not answer."""
    wire = wire_of(websocket)
    try:
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            await websocket.close(close.code, close.reason)
    except TimeoutError:
        if wire:
            wire.abort()
    except (RuntimeError, WebSocketDisconnect):  # gone already
        return
    if wire:
        # Closing politely waits for unsent data, which a viewer that never reads would keep for ever.
        wire.abort_after(_PATIENCE_SECONDS.get(close.code, _ANSWER_SECONDS))
