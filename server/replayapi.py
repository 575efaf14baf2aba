"""The routes that change a replay on stage, and that put one there when a race has died."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from engine.replay import SPEEDS
from server.answers import answer
from server.bodies import BadRequest, content
from server.fallback import Fallback, Unavailable
from server.presenter.desk import Desk, NotNow
from server.replaying import Player

_SPEEDS = f"{', '.join(f'{speed:g}' for speed in SPEEDS[:-1])} or {SPEEDS[-1]:g}"
_MOST_NS = 2**63 - 1


class ReplayApi:
    """`main` plays what this server is for, if that is a recording; else `fallback` may play one."""

    def __init__(self, desk: Desk, main: Player | None, fallback: Fallback | None) -> None:
        self.desk, self.main, self.fallback = desk, main, fallback

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            self.desk.post("/api/replay", self.replay),
            self.desk.get("/api/show/reserve", self.reserve),
            self.desk.post("/api/show/fallback", self.switch),
        ]

    @property
    def _playing(self) -> Player:
        if self.fallback is not None and self.fallback.on and self.fallback.player is not None:
            return self.fallback.player
        if self.main is None:
            raise NotNow("no replay is running")
        return self.main

    async def replay(self, request: Request) -> Response:
        """Change the replay's speed or place; several wishes are carried out in this order."""
        wishes = await content(request, {"speed", "paused", "loop", "seek_ns", "step"})
        orders = [_order(name, value) for name, value in wishes.items()]
        if not orders:
            raise BadRequest("say what to change: speed, paused, loop, seek_ns or step")
        for order in orders:
            await order(self._playing)
        await self.desk.record(request, "replay", **wishes)
        return answer(wishes)

    async def reserve(self, request: Request) -> Response:
        """The recording that may take over, for the presenter's page to keep: JSON, deflated."""
        if self.fallback is None:
            raise NotNow("this server replays a recording; there is no race to fall back from")
        try:
            tape = await self.fallback.tape()
        except Unavailable as error:
            raise NotNow(str(error)) from error
        return Response(tape, media_type="application/zlib", headers={"cache-control": "no-store"})

    async def switch(self, request: Request) -> Response:
        """Put the recording, or the race, on stage; or say whether that may happen by itself."""
        wishes = await content(request, {"to", "automatic"})
        to, automatic = wishes.get("to"), wishes.get("automatic")
        if not wishes or to not in {None, "replay", "live"} or not isinstance(automatic, bool | None):
            raise BadRequest('fallback takes {"to": "replay" or "live"} and {"automatic": true or false}')
        if self.fallback is None:
            raise NotNow("this server replays a recording; there is no race to fall back from")
        if automatic is not None:
            self.fallback.automate(automatic)
        if to == "replay":
            try:
                await self.fallback.take_over()
            except Unavailable as error:
                raise NotNow(str(error)) from error
        elif to == "live":
            await self.fallback.go_live()
        await self.desk.record(request, "fallback", **wishes)
        return answer({"fallback": self.fallback.payload()})


def _order(name: str, value: Any) -> Callable[[Player], Awaitable[None]]:
    """What a wish asks of the player. Raises BadRequest for what cannot be."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    match name, value:
        case "speed", int() | float() if not isinstance(value, bool) and value in SPEEDS:
            return lambda player: player.set_speed(value)
        case "paused", bool():
            return lambda player: player.pause(value)
        case "loop", bool():
            return lambda player: player.loop(value)
        case "seek_ns", int() if whole and 0 <= value <= _MOST_NS:
            return lambda player: player.seek(value)
        case "step", "next" | "previous":
            return lambda player: player.step(value)
    raise BadRequest(_RIGHT[name])


_RIGHT = {
    "speed": f"speed must be {_SPEEDS}",
    "paused": "paused must be true or false",
    "loop": "loop must be true or false",
    "seek_ns": "seek_ns must be nanoseconds on the recording's clock, a whole number from 0 on",
    "step": "step must be next or previous",
}
