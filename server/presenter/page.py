"""The presenter's console: its page, what it shows beside the stream, the choice of a demo, and the check-up."""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.answers import answer
from server.bodies import BadRequest, content
from server.copying import Copying
from server.hub import Hub
from server.pages import Pages
from server.presenter.desk import Desk, NotNow, console
from server.presenter.preflight import Preflight
from server.presenter.programme import Programme
from server.scene import Scene


class Present:
    """The routes of docs/protocol.md that are for the console alone."""

    def __init__(
        self,
        hub: Hub,
        desk: Desk,
        copying: Copying,
        pages: Pages,
        preflight: Preflight,
        race: Callable[[], Scene],
        programme: Programme | None = None,
    ) -> None:
        self.hub, self.desk, self.copying, self.pages, self.preflight = hub, desk, copying, pages, preflight
        self._race, self.programme = race, programme

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route("/present", self.page),
            self.desk.get("/api/show", self.show),
            self.desk.get("/api/preflight", self.examine),
            self.desk.post("/api/show/demo", self.pick),
        ]

    async def page(self, request: Request) -> Response:
        """The console; to anybody else, how to get in."""
        known = self.desk.gate.is_presenter(request)
        # Never kept: what it is depends on who asks.
        response = self.pages.page("present.html" if known else "present-locked.html", request, "no-store")
        response.status_code = 200 if known else 401
        return response

    async def show(self, request: Request) -> Response:
        """What the console needs to know beside the stream."""
        return answer(
            {
                "show": self.hub.show.payload(),
                "has_control": self.desk.lock.holder == console(request),
                "viewers": self.hub.viewers,
                "recorders": self.copying.recorders,
                **await self._programme(),
            }
        )

    async def pick(self, request: Request) -> Response:
        """That demo is next. 409 while something runs, or where there is nothing to choose from."""
        name = (await content(request, {"demo"})).get("demo")
        if not isinstance(name, str):
            raise BadRequest("demo must be a demo's name")
        if self.programme is None:
            raise NotNow("this server shows a recording: there is no demo to choose")
        if self.desk.controller.running:
            raise NotNow("a race is running; stop it before you choose another demo")
        self._race().choose(await asyncio.to_thread(self.programme.pick, name))
        return answer({"demo": name})

    async def examine(self, request: Request) -> Response:
        """The doctor's findings on the demo that is next, or on the one that the query names."""
        if self.programme is None:
            raise NotNow("this server shows a recording: there is nothing to check")
        if self.desk.controller.running:
            raise NotNow("the check would disturb the race that is running; stop it first")
        argv = self.programme.doctor(request.query_params.get("demo"))
        server = request.scope.get("server") or ("", 0)
        return answer(await self.preflight.examine(argv, server[1]))

    async def _programme(self) -> dict[str, Any]:
        """The demos to choose from, which is on, and the speaker's notes on it."""
        start = self._race().ledger.start
        on = start.demo.get("name") if start is not None and self.desk.controller.running else None
        if self.programme is None:
            return {"demos": [], "demo": on, "notes": "", "steps": []}
        name = on if isinstance(on, str) else self.programme.picked
        entries, script = await asyncio.to_thread(lambda p: (p.entries(), p.script(name)), self.programme)
        return {"demos": entries, "demo": name, **script}
