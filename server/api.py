"""The HTTP API: health, the run's state, start and stop, a replay's speed, the presenter's login."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from engine import __version__
from engine.clock import Clock
from engine.errors import ConfigError, WattraceError
from engine.validity import dictionary
from server.answers import answer, failure
from server.auth import Gate, cookie_name
from server.control import AlreadyRunning, Controller, NotRunning
from server.history import History, Part
from server.hub import Hub

SPEEDS = (1, 2, 10)
_BODY_BYTES = 4096
_BAD_TICKET = "this login link is wrong or has been used already; send the token, or restart the server"

Handler = Callable[[Request], Awaitable[Response]]


class BadRequest(WattraceError):
    """The request's body is not what the route takes."""


class Api:
    """The routes of docs/protocol.md."""

    def __init__(self, hub: Hub, gate: Gate, controller: Controller, clock: Clock) -> None:
        self.hub, self.gate, self.controller, self.clock = hub, gate, controller, clock
        self.history = History(hub)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route("/healthz", self.health),
            Route("/login", self.login, methods=["GET"]),
            Route("/api/run", self.run),
            Route("/api/run/pages", self.pages),
            Route("/api/reasons", self.reasons),
            Route("/api/run/start", self._controlled(self.start), methods=["POST"]),
            Route("/api/run/stop", self._controlled(self.stop), methods=["POST"]),
            Route("/api/replay", self._controlled(self.replay), methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        """Whether the server serves."""
        state = self.hub.scene.state
        return answer({"status": "ok", "version": __version__, "viewers": self.hub.viewers, "state": state})

    async def run(self, request: Request) -> Response:
        """The newest frame, the run, and whether this request's sender may control it."""
        return answer({**self.hub.snapshot(), "control": self.gate.may_control(request)})

    async def pages(self, request: Request) -> Response:
        """The power of any part of the run, decimated."""
        try:
            asked = Part.parse(request.query_params)
        except ValueError as error:
            return failure(400, str(error))
        return Response(self.history.part(asked), media_type="application/json", headers={"cache-control": "no-store"})

    async def reasons(self, request: Request) -> Response:
        """What each reason code means, and what to do about it."""
        return answer(dictionary())

    async def login(self, request: Request) -> Response:
        """Exchange a ticket for the presenter's cookie."""
        if request.method == "HEAD":  # link previews must not use the ticket up
            return answer(None)
        cookie = self.gate.redeem(request.query_params.get("ticket", ""))
        if cookie is None and not self.gate.is_presenter(request):
            return failure(401, _BAD_TICKET)
        response = RedirectResponse("/", 303, headers={"cache-control": "no-store"})
        if cookie is not None:
            secure = request.url.scheme == "https"
            response.set_cookie(cookie_name(request), cookie, httponly=True, samesite="strict", secure=secure)
        return response

    async def start(self, request: Request) -> Response:
        """Begin a race."""
        content = await _content(request, {"demo"})
        demo = content.get("demo")
        if demo is not None and not isinstance(demo, str):
            raise BadRequest("demo must be a demo's name")
        await self.controller.start(demo)
        return answer({"state": self.hub.scene.state}, 202)

    async def stop(self, request: Request) -> Response:
        """End it."""
        await _content(request, set())
        await self.controller.stop()
        return answer({"state": self.hub.scene.state}, 202)

    async def replay(self, request: Request) -> Response:
        """Change a replay's speed."""
        speed = (await _content(request, {"speed"})).get("speed")
        if isinstance(speed, bool) or speed not in SPEEDS:
            raise BadRequest("speed must be 1, 2 or 10")
        if self.hub.scene.replay is None:
            return failure(409, "no replay is running")
        await self.controller.command({"command": "speed", "speed": speed})
        self.hub.scene.change_speed(float(speed), self.clock.now_ns())
        return answer({"speed": speed})

    def _controlled(self, handler: Handler) -> Handler:
        """`handler` for the presenter only, with its errors as answers."""

        async def checked(request: Request) -> Response:
            if refusal := self.gate.refusal(request):
                return failure(refusal.status, refusal.sentence)
            try:
                return await handler(request)
            except WattraceError as error:
                return failure(_status(error), str(error))

        return checked


def _status(error: WattraceError) -> int:
    match error:
        case AlreadyRunning() | NotRunning():
            return 409
        case BadRequest() | ConfigError():
            return 400
        case _:
            return 500


async def _content(request: Request, known: set[str]) -> dict[str, Any]:
    """The request's JSON object, {} without a body. Raises BadRequest for anything else, and unknown keys."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _BODY_BYTES:
                raise BadRequest(f"the body is longer than {_BODY_BYTES} bytes")
    except ClientDisconnect:
        raise BadRequest("the body was cut off") from None
    try:
        content = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(content, dict):
        raise BadRequest("the body is not a JSON object")
    if unknown := sorted(content.keys() - known):
        raise BadRequest(f"unknown key {unknown[0]!r}; known: {', '.join(sorted(known)) or 'none'}")
    return content
