"""The endpoint `/events`: the same messages as server-sent events, for proxies that break WebSockets."""

import asyncio
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engine.clock import Clock
from server.answers import failure
from server.auth import same_origin
from server.frames import Close, CloseCode, Message
from server.hub import Hub, Seen
from server.plainpath import CONNECTION
from server.settings import Settings
from server.viewer import Viewer

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx would collect frames until its buffer is full
]
_FULL_SECONDS = "60"
_BACKLOG_BYTES = 8192
"""What may wait for one viewer; of what waits longer it gets the newest. Nothing tells what it has on screen."""
_LAST_WORDS_SECONDS = 0.5
"""How long a viewer may take to hear that this is the end."""


class Events:
    """Serves viewers who cannot use a WebSocket. They never acknowledge, so the bytes that wait bound them: few."""

    def __init__(self, hub: Hub, settings: Settings, clock: Clock) -> None:
        self.hub, self.settings, self.clock = hub, settings, clock

    def route(self) -> Route:
        """The route `/events`."""
        return Route("/events", self.serve, name="events")

    async def serve(self, request: Request) -> Response:
        """One viewer."""
        if not same_origin(request, self.settings.origins):
            return failure(403, "this origin may not watch")
        address = request.client.host if request.client else None
        if request.method == "HEAD":  # how a page finds out why: browsers do not tell the status of an EventSource
            refusal = self.hub.refusal(address)
            return _refused(refusal) if refusal else Response(headers={"content-type": "text/event-stream"})
        viewer = self.hub.join(address=address, seen=self._seen(request))
        if isinstance(viewer, Close):
            return _refused(viewer)
        viewer.credit.backlog_bytes = _BACKLOG_BYTES
        return _Streaming(self.hub, viewer, self.clock)

    def _seen(self, request: Request) -> Seen | None:
        """`?run=ID&since=SEQ`, or what browsers and libraries send by themselves when they come back."""
        since = request.query_params.get("since") or request.headers.get("last-event-id", "")
        return Seen.parse(request.query_params.get("run") or self.hub.run_id or "", since)


class _Streaming(Response):
    """The body: events as long as the viewer is there."""

    def __init__(self, hub: Hub, viewer: Viewer, clock: Clock) -> None:
        super().__init__()
        self.hub, self.viewer, self.clock = hub, viewer, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the viewer leaves, or is sent away."""
        connection = scope.get("extensions", {}).get(CONNECTION)
        if connection:
            connection["narrow"]()
        try:
            await self.viewer.attend(self._send(send), _gone(receive))
        finally:
            self.hub.leave(self.viewer)
        if not await self._ended(send) and connection:
            connection["abort"]()
            await _gone(receive)  # servers take a response without an end amiss as long as there is a connection

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        while True:
            message = await self.viewer.next()
            await send({"type": "http.response.body", "body": _event(message), "more_body": True})
            self.viewer.progress_ns = self.clock.now_ns()

    async def _ended(self, send: Send) -> bool:
        """Finish for who can still hear it; whether it is one of those: who was too slow is not."""
        closing = self.viewer.closing
        if closing is not None and closing.code is CloseCode.TOO_SLOW:
            return False
        with suppress(OSError, RuntimeError):
            try:
                async with asyncio.timeout(_LAST_WORDS_SECONDS):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            except TimeoutError:
                return False
        return True


def _refused(close: Close) -> Response:
    full = close.code is CloseCode.FULL
    return failure(503, close.reason, {"retry-after": _FULL_SECONDS} if full else {})


def _event(message: Message) -> bytes:
    """One event; frames carry their number, by which a viewer may go on."""
    number = b"id: %d\n" % message.seq if message.is_frame else b""
    return b"%sdata: %s\n\n" % (number, message.payload)


async def _gone(receive: Receive) -> None:
    """Wait until the viewer has left."""
    with suppress(ClientDisconnect):
        while (await receive())["type"] != "http.disconnect":
            pass
