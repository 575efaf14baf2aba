"""The presenter's desk: who may act there, one console at a time, and the mark that each action leaves behind."""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import ConfigError, WattraceError
from server.answers import failure
from server.auth import Gate
from server.bodies import BadRequest
from server.control import AlreadyRunning, Controller, NotRunning
from server.presenter.lock import API, Lock, LockHeld

Handler = Callable[[Request], Awaitable[Response]]

_CONSOLE = re.compile(r"[A-Za-z0-9_-]{1,64}")


class NotNow(WattraceError):
    """The action is a good one, but not in the state that the show is in: 409."""


class Desk:
    """Makes routes that only the presenter can use; whoever handles an action there calls `record` for it."""

    def __init__(self, gate: Gate, lock: Lock, controller: Controller) -> None:
        self.gate, self.lock, self.controller = gate, lock, controller

    def get(self, path: str, handler: Handler) -> Route:
        """Something to look at, for the presenter only; several consoles may."""
        return Route(path, self._checked(handler, acts=False), methods=["GET"])

    def post(self, path: str, handler: Handler, *, acts: bool = True) -> Route:
        """An action; one that `acts` is refused (409) while another console has control."""
        return Route(path, self._checked(handler, acts=acts), methods=["POST"])

    async def record(self, request: Request, action: str, **data: Any) -> None:
        """Leave a `control` mark in the recording of the race, if one is running."""
        await self.mark(action, data, who=self.lock.name(console(request)))

    async def mark(self, action: str, data: dict[str, Any], *, who: str = "wattrace") -> None:
        """Leave that mark for `who`; without a name for what the server does by itself."""
        with suppress(NotRunning):
            await self.controller.command({"command": "mark", "state": action, "data": data, "text": who})

    def _checked(self, handler: Handler, *, acts: bool) -> Handler:
        """`handler` for the presenter only, with its errors as answers."""

        async def checked(request: Request) -> Response:
            if refusal := self.gate.refusal(request):
                return failure(refusal.status, refusal.sentence)
            try:
                if acts:
                    self.lock.act(console(request))
                return await handler(request)
            except LockHeld as error:
                return failure(409, str(error), holder=error.holder)
            except WattraceError as error:
                return failure(_status(error), str(error))

        return checked


def console(request: Request) -> str:
    """Which console the request comes from, by the id that it made up for itself."""
    name = request.headers.get("x-wattrace-console", "")
    return name if _CONSOLE.fullmatch(name) else API


def _status(error: WattraceError) -> int:
    match error:
        case AlreadyRunning() | NotRunning() | NotNow():
            return 409
        case BadRequest() | ConfigError():
            return 400
        case _:
            return 500
