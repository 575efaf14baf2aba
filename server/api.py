"""The HTTP API: health, the run's state, start and stop, the presenter's login."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from engine import __version__
from engine.clock import Clock
from engine.validity import dictionary
from server.answers import answer, failure
from server.auth import SESSION_SECONDS, Gate, by_tls, cookie_name
from server.bodies import BadRequest, content
from server.history import History, Part
from server.hub import Hub
from server.presenter.desk import Desk

_BAD_TICKET = "this login link is wrong, too old, or has been used already; send the token, or restart the server"
_TARGETS = {"present": "present"}


class Api:
    """The routes of docs/protocol.md."""

    def __init__(self, hub: Hub, gate: Gate, desk: Desk, clock: Clock) -> None:
        self.hub, self.gate, self.desk, self.clock = hub, gate, desk, clock
        self.history = History(hub)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route("/healthz", self.health),
            Route("/login", self.login, methods=["GET"]),
            Route("/api/run", self.run),
            Route("/api/run/pages", self.pages),
            Route("/api/run/held", self.held),
            Route("/api/reasons", self.reasons),
            self.desk.post("/api/run/start", self.start),
            self.desk.post("/api/run/stop", self.stop),
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

    async def held(self, request: Request) -> Response:
        """The `hello` of the picture that frozen screens hold; 404 while they move."""
        if self.hub.held is None:
            return failure(404, "the screens are not frozen")
        return Response(self.hub.held, media_type="application/json", headers={"cache-control": "no-store"})

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
        # A fixed list: a link that logs in must not be able to lead anywhere else.
        target = _TARGETS.get(request.query_params.get("to", ""), "./")
        response = RedirectResponse(target, 303, headers={"cache-control": "no-store"})
        if cookie is not None:
            response.set_cookie(
                cookie_name(request),
                cookie,
                max_age=SESSION_SECONDS,
                path=None,  # that of this address, which a proxy may have put under a path of somebody's own
                httponly=True,
                samesite="strict",
                secure=by_tls(request),
            )
        return response

    async def start(self, request: Request) -> Response:
        """Begin a race."""
        demo = (await content(request, {"demo"})).get("demo")
        if demo is not None and not isinstance(demo, str):
            raise BadRequest("demo must be a demo's name")
        await self.desk.controller.start(demo)
        await self.desk.record(request, "start", **self.hub.show.brief())
        return answer({"state": self.hub.scene.state}, 202)

    async def stop(self, request: Request) -> Response:
        """End it."""
        await content(request, set())
        await self.desk.record(request, "stop")
        await self.desk.controller.stop()
        return answer({"state": self.hub.scene.state}, 202)
