"""The application: its parts put together."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from engine.clock import Clock, MonotonicClock
from engine.documents import Document
from engine.errors import WattraceError
from server.answers import failure
from server.api import Api
from server.audience.routes import Audience
from server.auth import Gate, Hosts
from server.control import Command, Controller
from server.copying import Copying
from server.events import Events
from server.fallback import Fallback
from server.hub import Hub
from server.metrics import Metrics
from server.pages import Pages, Shield
from server.plotlyjs import PlotlyScript
from server.presenter.desk import Desk
from server.presenter.lock import Lock
from server.presenter.orders import ShowApi
from server.presenter.page import Present
from server.presenter.preflight import Preflight
from server.presenter.programme import Programme
from server.replayapi import ReplayApi
from server.replaying import Player
from server.scene import Scene
from server.settings import Settings
from server.shelf import Shelf
from server.show import Show
from server.stageinfo import DemoInfo, ReplayInfo
from server.websocket import Watch

_MOST_FRAMES_A_SECOND = 100


class Stage:
    """The parts of one server, and the ASGI application made of them; starts nothing before its lifespan."""

    def __init__(
        self,
        settings: Settings,
        command: Command,
        *,
        demo: DemoInfo | None = None,
        replay: ReplayInfo | None = None,
        recording: Path | None = None,
        programme: Programme | None = None,
        autostart: bool = False,
        debug: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock = clock or MonotonicClock()
        self.settings, self.autostart = settings, autostart
        self.player = self._player(command, settings, demo, replay, debug) if replay else None
        scene = self.player.scene if self.player else Scene(period_ns=settings.period_ns, demo=demo)
        self._race = scene
        self.gate = Gate(settings, clock)
        self.show = Show()
        self.hub = Hub(scene, settings, clock, first_seq=_first_seq(), show=self.show)
        self.controller = self.player or Controller(
            command,
            sink=self._enter,
            begun=scene.begin,
            ended=scene.end,
            debug=debug,
        )
        self.lock = Lock(clock)
        self.show.add("presenter", self.lock.presenter)
        self.desk = Desk(self.gate, self.lock, self.controller)
        self.shelf = Shelf(settings.data_folder, recording)
        self.copying = Copying(lambda: self.scene, self.shelf, settings.recorders, self.gate.is_presenter)
        self.fallback = None if self.player else self._fallback(settings)
        self.plotly = PlotlyScript()
        self.pages = Pages(self.plotly)
        self.present = Present(
            self.hub, self.desk, self.copying, self.pages, Preflight(settings), lambda: self._race, programme
        )
        self.audience = Audience(self.hub, self.desk, self.pages, settings, clock)
        self.app: ASGIApp = Shield(self._starlette(settings), Hosts(settings).allow)

    @property
    def scene(self) -> Scene:
        """What this server's own process tells: its race, or its replay; the hub may be showing another."""
        return self.player.scene if self.player else self._race

    def _player(
        self, command: Command, settings: Settings, demo: DemoInfo | None, replay: ReplayInfo, debug: bool
    ) -> Player:
        return Player(
            command,
            replay=replay,
            period_ns=settings.period_ns,
            clock=self.clock,
            shown=self._put_on,
            demo=demo,
            debug=debug,
        )

    def _put_on(self, scene: Scene) -> None:
        self.hub.put_on(scene)

    def _fallback(self, settings: Settings) -> Fallback:
        return Fallback(
            self._race,
            self.hub,
            self.show,
            self.clock,
            data=settings.data_folder,
            period_ns=settings.period_ns,
            record=self.desk.mark,
        )

    def _starlette(self, settings: Settings) -> Starlette:
        routes = [
            Watch(self.hub, self.copying, settings, self.clock).route(),
            Events(self.hub, settings, self.clock).route(),
            Metrics(lambda: self.scene, self.hub).route(),
            *Api(self.hub, self.gate, self.desk, self.clock).routes(),
            *ShowApi(self.show, self.desk).routes(),
            *ReplayApi(self.desk, self.player, self.fallback).routes(),
            *self.present.routes(),
            *self.audience.routes(),
            *self.pages.routes(),
        ]
        handlers = {HTTPException: _http_error, Exception: _internal_error}
        return Starlette(routes=routes, lifespan=self._lifespan, exception_handlers=handlers)

    def _enter(self, document: Document) -> None:
        """The race has told something."""
        self.scene.add(document, self.clock.now_ns())
        self.audience.add(document)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with self.hub.running():
            preparing = asyncio.create_task(self.plotly.prepare(), name="plotly")
            watching = asyncio.create_task(self.fallback.watch(), name="fallback") if self.fallback else None
            if self.autostart:
                await self._start()
            try:
                yield
            finally:
                preparing.cancel()
                await self.controller.close()
                if self.fallback and watching:
                    watching.cancel()
                    await self.fallback.close()

    async def _start(self) -> None:
        try:
            await self.controller.start()
        except WattraceError as error:
            self.scene.fail(str(error))

    async def leave(self) -> None:
        """Let the race write its end, and send everybody away; the server's own shutdown comes after."""
        self.controller.hang_up()
        await asyncio.gather(self.hub.close(), self.copying.close())


def _first_seq() -> int:
    """Above every number that an earlier server on this machine can have reached.

    So nobody who comes back after a restart is taken for somebody who has seen this server's frames.
    """
    return 1 + int(time.time()) % 10_000_000 * _MOST_FRAMES_A_SECOND


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = {404: "there is nothing at this address", 405: "this address does not take that method"}
    response = failure(error.status_code, sentence.get(error.status_code, error.detail))
    response.headers.update(error.headers or {})
    return response


async def _internal_error(request: Request, error: Exception) -> Response:
    return failure(500, "the server has failed at this; its log says more")
