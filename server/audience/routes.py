"""The audience's routes: the viewer page and the way to it; bet and load, off until the presenter turns them on."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from engine.clock import Clock
from engine.documents import Document
from engine.errors import WattraceError
from server.answers import answer, failure
from server.audience.bet import BadGuess, NotOpen, WrongStep
from server.audience.betting import OVER, Betting
from server.audience.crowd import BadPrompt, Crowd, Shut, TooSoon
from server.audience.join import Join, UnknownAddress, qr_svg
from server.audience.nicknames import BadNickname
from server.audience.phones import Limiter, Phones, address
from server.auth import same_origin
from server.bodies import BadRequest, content, flag
from server.control import NotRunning
from server.hub import Hub
from server.pages import Pages
from server.presenter.desk import Desk, NotNow
from server.settings import Settings

_EVERYBODY = "everybody"
_NO_NUMBER = "this phone had no number yet; send that again, and allow this page its cookie"

Handler = Callable[[Request, str], Awaitable[Response]]


class Audience:
    """Join, bet and load, with the parts of the show that they make. `add` has to hear of the race's documents."""

    def __init__(self, hub: Hub, desk: Desk, pages: Pages, settings: Settings, clock: Clock) -> None:
        self.hub, self.desk, self.pages, self.settings, self.clock = hub, desk, pages, settings, clock
        self.phones = Phones()
        self.join = Join(settings)
        self.betting = Betting(hub)
        self.crowd = Crowd(clock)
        # What one phone may do is limited, and what all of them may. A phone may have many numbers, so an address may
        # do no more than a third of it all: as much as a hall needs that is one address, behind its router.
        self._each = Limiter(burst=6, per_second=0.5)
        self._asking = Limiter(burst=10, per_second=2.0)
        self._near = Limiter(burst=1500, per_second=100.0)
        self._all = Limiter(burst=3000, per_second=300.0, most=1)
        hub.show.add("join", self.join.payload)
        hub.show.add("bet", self.betting.payload)
        hub.show.add("load", self.crowd.payload)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        get, post = self.desk.get, self.desk.post
        return [
            Route("/view", self.view, methods=["GET"]),
            Route("/qr.svg", self.qr, methods=["GET"]),
            Route("/api/bet", self._public(self.my_guess, self._asking), methods=["GET"]),
            Route("/api/bet", self._public(self.guess, self._each), methods=["POST"]),
            Route("/api/load", self._public(self.my_question, self._asking), methods=["GET"]),
            Route("/api/load", self._public(self.question, self._each), methods=["POST"]),
            get("/api/show/addresses", self.addresses),
            post("/api/show/join", self.show_join),
            get("/api/show/bet", self.guesses),
            post("/api/show/bet", self.set_bet),
            post("/api/show/bet/remove", self.remove),
            post("/api/show/load", self.set_load),
        ]

    def add(self, document: Document) -> None:
        """A document of the race has come."""
        self.crowd.add(document)

    # -- the page, and the way to it

    async def view(self, request: Request) -> Response:
        """The viewer page; whoever opens it has a number from then on."""
        response = self.pages.page("view.html", request)
        if self.phones.of(request) is None:
            self.phones.give(request, response)
        return response

    async def qr(self, request: Request) -> Response:
        """The link on screen as a QR code."""
        if self.join.shown is None:
            return failure(404, "no address is shown to the audience now")
        svg = qr_svg(self.join.shown.url)
        return Response(svg, media_type="image/svg+xml", headers={"cache-control": "no-store"})

    async def addresses(self, request: Request) -> Response:
        """The ways in that the presenter chooses from."""
        return answer(await asyncio.to_thread(self.join.listed, _port(request)))

    async def show_join(self, request: Request) -> Response:
        """Put a way in on the screen, or take it off."""
        asked = await content(request, {"address", "shown"})
        address, shown = asked.get("address"), asked.get("shown", True)
        if not isinstance(shown, bool) or not (address is None or isinstance(address, str)):
            raise BadRequest('join takes {"address": text or null, "shown": true or false}')
        port = _port(request)
        if not shown:
            self.join.hide()
        elif why := await asyncio.to_thread(self.join.why_none, port):
            raise NotNow(why)
        else:
            try:
                self.join.show(port, address)
            except UnknownAddress as error:
                raise BadRequest(str(error)) from None
        await self.desk.record(request, "join", shown=shown)
        return self._changed()

    # -- the bet

    async def set_bet(self, request: Request) -> Response:
        """Open, close, reveal, or take off."""
        state = (await content(request, {"state"})).get("state")
        if state not in {"open", "closed", "revealed", "off"}:
            raise BadRequest("state must be open, closed, revealed or off")
        try:
            self.betting.become(state)
        except WrongStep as error:
            raise NotNow(str(error)) from None
        await self.desk.record(request, "bet", state=state)
        return self._changed()

    async def guesses(self, request: Request) -> Response:
        """What there is to look through."""
        return answer({"guesses": self.betting.listed()})

    async def remove(self, request: Request) -> Response:
        """Take one guess out; its phone guesses no more."""
        number = (await content(request, {"id"})).get("id")
        if isinstance(number, bool) or not isinstance(number, int):
            raise BadRequest("id must be a guess's number")
        if not self.betting.bet.remove(number):
            raise NotNow("that guess is not there any more")
        await self.desk.record(request, "bet_remove")
        return self._changed()

    async def my_guess(self, request: Request, phone: str) -> Response:
        """What this phone guessed."""
        return answer({"mine": self.betting.bet.mine(phone)})

    async def guess(self, request: Request, phone: str) -> Response:
        """Enter, or change, this phone's guess."""
        asked = await content(request, {"nickname", "guess"})
        name, joules = asked.get("nickname", ""), asked.get("guess")
        if not isinstance(name, str) or isinstance(joules, bool) or not isinstance(joules, int | float):
            raise BadRequest('a bet is {"nickname": text, "guess": a number of joules}')
        self.betting.follow()
        self.betting.bet.guess(phone, name, joules, address(request))
        return answer({"mine": self.betting.bet.mine(phone)})

    # -- the load

    async def set_load(self, request: Request) -> Response:
        """Take questions of the audience, or no more."""
        self.crowd.set_open(await flag(request, "open"))
        await self.desk.record(request, "load", open=self.crowd.open)
        return self._changed()

    async def my_question(self, request: Request, phone: str) -> Response:
        """What became of this phone's newest question."""
        return answer({"mine": self.crowd.mine(phone)})

    async def question(self, request: Request, phone: str) -> Response:
        """Send one of the offered questions into the race."""
        index = (await content(request, {"prompt"})).get("prompt")
        if isinstance(index, bool) or not isinstance(index, int):
            raise BadRequest("prompt must be the number of an offered question, from 0")
        self._need_a_race()
        asked = self.crowd.ask(phone, index, address(request))
        try:
            command = {"command": "request", "number": asked.number, "prompt": asked.prompt}
            await self.desk.controller.command(command)
        except NotRunning:
            self.crowd.take_back(asked)
            raise
        return answer({"mine": self.crowd.mine(phone)}, 202)

    def _need_a_race(self) -> None:
        scene = self.hub.scene
        if scene.replay is not None:
            raise NotNow("this is a recording, which answers no questions")
        if scene.state in OVER or not self.desk.controller.running:
            raise NotRunning
        if all(books.info.runtime == "command" for books in scene.ledger.arms.values()):
            raise NotNow("these arms are programs, which answer no questions")

    # -- within

    def _public(self, handler: Handler, limiter: Limiter) -> Callable[[Request], Awaitable[Response]]:
        """`handler` for every phone that has a number, as often as `limiter` lets it, from this server's own pages."""

        async def checked(request: Request) -> Response:
            if not same_origin(request, self.settings.origins):
                return failure(403, "this origin may not write here")
            phone = self.phones.of(request)
            if phone is None:
                response = failure(403, _NO_NUMBER)
                self.phones.give(request, response)
                return response
            if wait := self._wait_seconds(request, phone, limiter):
                return _later("too much at once; wait a moment", wait)
            try:
                return await handler(request, phone)
            except TooSoon as error:
                return _later(str(error), error.seconds)
            except WattraceError as error:
                return failure(_status(error), str(error))

        return checked

    def _wait_seconds(self, request: Request, phone: str, limiter: Limiter) -> float:
        now_ns, where = self.clock.now_ns(), address(request)
        return (
            limiter.wait_seconds(phone, now_ns)
            or (self._near.wait_seconds(where, now_ns) if where else 0.0)
            or self._all.wait_seconds(_EVERYBODY, now_ns)
        )

    def _changed(self) -> Response:
        self.hub.show.changed()
        return answer({"show": self.hub.show.payload()})


def _status(error: WattraceError) -> int:
    match error:
        case BadRequest() | BadGuess() | BadNickname() | BadPrompt():
            return 400
        case NotNow() | NotOpen() | NotRunning() | Shut():
            return 409
        case _:
            return 500


def _later(sentence: str, seconds: float) -> Response:
    return failure(429, sentence, {"retry-after": str(max(1, round(seconds)))})


def _port(request: Request) -> int:
    """Where this server listens, by the request that has reached it."""
    server = request.scope.get("server")
    return int(server[1]) if server and server[1] else 80
