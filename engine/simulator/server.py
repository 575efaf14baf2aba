"""The routes: vLLM's, as far as a race and its tests use them."""

import itertools
import json
from typing import Any

from aiohttp import web

from engine.simulator import asked, shapes
from engine.simulator.batch import Request
from engine.simulator.development import Development, wanted
from engine.simulator.exposition import exposition
from engine.simulator.flags import Settings
from engine.simulator.runner import Reply, Runner
from engine.simulator.text import Answer, prefix_blocks

_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
_LARGEST_BODY = 4 * 2**20


class Server:
    """What answers HTTP for `runner`; everything is refused with 503 until `ready`."""

    def __init__(self, settings: Settings, runner: Runner, max_model_len: int) -> None:
        self.ready = False
        self._max_model_len = max_model_len
        self._settings = settings
        self.runner = runner
        self._numbers = itertools.count(1)

    def application(self) -> web.Application:
        """The routes, to be served by aiohttp."""
        app = web.Application(middlewares=[self._guard], client_max_size=_LARGEST_BODY)
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/metrics/", self._metrics_by_name)
        app.router.add_get("/version", self._version)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/completions", self._completion)
        if wanted():
            Development(self._settings, self.runner, self._max_model_len).add_to(app)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if not self.ready:
            return web.json_response(shapes.error(503, "still loading", kind="ServiceUnavailable"), status=503)
        try:
            response: web.StreamResponse = await handler(request)
        except asked.Refused as refused:
            body = shapes.error(refused.status, refused.message, kind=refused.kind, param=refused.param)
            return web.json_response(body, status=refused.status)
        return response

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "simulated"})

    async def _models(self, _: web.Request) -> web.Response:
        settings = self._settings
        return web.json_response(shapes.models(settings.served_model_name, settings.model, self._max_model_len))

    async def _metrics(self, _: web.Request) -> web.Response:
        text = exposition(self.runner.batch, self._settings.served_model_name)
        return web.Response(text=text, content_type="text/plain")

    async def _metrics_by_name(self, request: web.Request) -> web.Response:
        """As vLLM's, which mounts another application there: only the metrics that are named."""
        only = request.query.getall("name[]", [])
        text = exposition(self.runner.batch, self._settings.served_model_name, only)
        return web.Response(text=text, content_type="text/plain")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, chat=True)

    async def _completion(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, chat=False)

    async def _answer(self, request: web.Request, *, chat: bool) -> web.StreamResponse:
        settings = self._settings
        try:
            body = await request.json()
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise asked.Refused(f"JSON decode error: {error}", kind="Bad Request") from error
        ask = asked.read(body, chat=chat, model=settings.served_model_name, max_model_len=self._max_model_len)
        number = next(self._numbers)
        job = self._job(ask, number)
        shape = shapes.Shape(
            chat=chat,
            id=f"{'chatcmpl' if chat else 'cmpl'}-{number:016x}",
            model=settings.served_model_name,
            prompt_tokens=ask.prompt_tokens,
            include_usage=ask.include_usage,
            continuous=ask.continuous_usage,
        )
        # aiohttp cancels this handler when the client goes away: the slot is then given back.
        try:
            self.runner.submit(job)
            if ask.stream:
                return await self._stream(request, job.stream, shape)
            while not job.stream.finished:
                job.stream.news.clear()
                await job.stream.news.wait()
            return web.json_response(shape.whole(job.stream))
        finally:
            if not job.finished:
                self.runner.cancel(job)

    def _job(self, ask: asked.Asked, number: int) -> Request[Reply]:
        # Without a temperature the same prompt has the same answer on every server, whatever the seeds.
        key = "greedy"
        if ask.temperature > 0:
            key = f"{self._settings.seed} {number if ask.seed is None else f'seed {ask.seed}'}"
        answer = Answer(ask.prompt, key)
        natural = answer.natural_tokens + 1  # with its end-of-sequence token
        ends_naturally = not ask.ignore_eos and natural <= ask.max_tokens
        reply = Reply(answer, ends_naturally)
        tokens = natural if ends_naturally else ask.max_tokens
        return Request(reply, ask.prompt_tokens, tokens, prefix=prefix_blocks(ask.cache_salt + ask.prompt))

    async def _stream(self, request: web.Request, reply: Reply, shape: shapes.Shape) -> web.StreamResponse:
        response = web.StreamResponse(headers=_HEADERS)
        response.enable_chunked_encoding()
        await response.prepare(request)
        sent = 0
        while True:
            await reply.news.wait()
            reply.news.clear()
            new, reason = reply.available, reply.finish_reason
            data = shape.chunk(reply.text(sent, new), new, reason)
            if sent == 0:
                data = shape.role() + data
            if reason is not None:
                data += shape.end(new)
            await response.write(data)
            sent = new
            if reason is not None:
                await response.write_eof()
                return response
