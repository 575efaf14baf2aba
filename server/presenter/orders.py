"""The presenter's routes: the control lock, and what the show does on every screen."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.answers import answer
from server.bodies import BadRequest, content, flag
from server.presenter.desk import Desk, console
from server.show import Show


class ShowApi:
    """The routes of docs/protocol.md under `/api/show`, as far as they are the console's own."""

    def __init__(self, show: Show, desk: Desk) -> None:
        self.show, self.desk = show, desk

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        post = self.desk.post
        return [
            post("/api/show/lock", self.lock, acts=False),
            post("/api/show/unlock", self.unlock, acts=False),
            post("/api/show/freeze", self.freeze),
            post("/api/show/verdict", self.verdict),
            post("/api/show/swap", self.swap),
            post("/api/run/next", self.next),
        ]

    async def lock(self, request: Request) -> Response:
        """Give the asking console control: when it is free, or from whoever has it when it is to `take` it."""
        asked = await content(request, {"name", "take"})
        name, take = asked.get("name"), asked.get("take", False)
        if not isinstance(name, str) or not isinstance(take, bool):
            raise BadRequest('lock takes {"name": text, "take": true or false}')
        lock, asking = self.desk.lock, console(request)
        before = lock.holder
        lock.take(asking, name, over=take)
        if lock.holder != before:
            await self.desk.record(request, "lock", took_over=before is not None)
        return self._changed()

    async def unlock(self, request: Request) -> Response:
        """Give control up."""
        await content(request, set())
        if self.desk.lock.holder == console(request):
            await self.desk.record(request, "unlock")
        self.desk.lock.release(console(request))
        return self._changed()

    async def freeze(self, request: Request) -> Response:
        """Projector pages hold their picture, or go on."""
        self.show.frozen = await flag(request, "frozen")
        await self.desk.record(request, "freeze" if self.show.frozen else "unfreeze")
        return self._changed()

    async def verdict(self, request: Request) -> Response:
        """Hide the verdict from the hall, or reveal it."""
        self.show.verdict_hidden = await flag(request, "hidden")
        await self.desk.record(request, "hide_verdict" if self.show.verdict_hidden else "reveal_verdict")
        return self._changed()

    async def swap(self, request: Request) -> Response:
        """Which side of the screen is whose."""
        self.show.swapped = await flag(request, "swapped")
        await self.desk.record(request, "swap", swapped=self.show.swapped)
        return self._changed()

    async def next(self, request: Request) -> Response:
        """End this turn early, or the wait before the next one. 409 when no race runs."""
        await content(request, set())
        await self.desk.record(request, "next")
        await self.desk.controller.command({"command": "next"})
        return answer({}, 202)

    def _changed(self) -> Response:
        self.show.changed()
        return answer({"show": self.show.payload()})
