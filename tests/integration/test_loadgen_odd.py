"""The load generator at servers that are not as ours are: odd answers, other fields, refusals."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from simulated_server import free_port

from engine.documents import MarkKind, encode
from engine.errors import ArmError
from integration.loads import Race, odd_server

pytestmark = pytest.mark.alone


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"error":{"message":"no such model"}}', 404, "HTTP 404"),
        (b'data: {"error":{"message":"EngineDeadError"}}\n\ndata: [DONE]\n\n', 200, "EngineDeadError"),
        (
            b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":null}]}\n\n',
            200,
            "middle of the answer",
        ),
        (b"data: <html>\n\n", 200, "not a chunk"),
    ],
)
async def test_odd_answers_fail_the_request_and_end_the_round(body: bytes, status: int, words: str) -> None:
    runner, url = await odd_server(body, status)
    race = Race(url, concurrency=2)
    async with race.generator:
        load = await race.generator.round(1, asyncio.Event())
    await runner.cleanup()
    assert words in (load.problem or "")
    assert any(words in (mark.text or "") for mark in race.marks(MarkKind.REQUEST_FAILED))


CHUNK = b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":%b}]}\n\n'
ANSWER = CHUNK % b"null" + CHUNK % b'"stop"' + b"data: [DONE]\n\n"


async def test_tokens_without_running_usage_are_called_estimated() -> None:
    runner, url = await odd_server(ANSWER, 200)
    race = Race(url, concurrency=1)
    async with race.generator:
        load = await race.generator.round(1, asyncio.Event(), requests=1)
    await runner.cleanup()
    assert load.estimated and load.completion_tokens == 2
    assert race.marks(MarkKind.REQUEST_FINISHED)[0].data["estimated"] is True


class Listening:
    """An OpenAI-compatible server that is not vLLM: keeps what it was asked, and refuses `refused` fields."""

    def __init__(self, *refused: str) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._refused = refused

    async def __aenter__(self) -> "Listening":
        app = web.Application()
        app.router.add_post("/api/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05)
        await self._runner.setup()
        port = free_port()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}/api/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        if wrong := [name for name in self._refused if name in body]:
            return web.json_response({"error": {"message": f"unknown field {wrong[0]}"}}, status=400)
        self.bodies.append(body)
        self.keys.append(request.headers.get("Authorization"))
        return web.Response(body=ANSWER)


async def test_another_server_gets_its_key_and_no_field_of_vllms() -> None:
    async with Listening() as server:
        options = {"chat_url": server.url, "headers": {"Authorization": "Bearer secret-key"}, "vllm": False}
        race = Race("", server=options, prefix_cache="off", fixed_length=True)
        async with race.generator:
            await race.generator.first_answer()
            await race.generator.round(2, asyncio.Event(), requests=3)
    assert set(server.keys) == {"Bearer secret-key"}
    assert not {"cache_salt", "ignore_eos", "min_tokens"} & {name for body in server.bodies for name in body}
    texts = [body["messages"][0]["content"] for body in server.bodies[1:]]
    asked = [mark.text for mark in race.marks(MarkKind.REQUEST_SUBMITTED)]
    salted = [f"[round 00002 request {nth:06d}]\n{question}" for nth, question in enumerate(asked, 1)]
    assert sorted(texts) == sorted(salted)
    assert len(race.marks(MarkKind.NOTE)) == len(race.marks(MarkKind.WARNING)) == 1
    assert not any(b"secret-key" in encode(document) for document in race.documents)


async def test_a_server_that_refuses_stream_options_is_asked_without() -> None:
    async with Listening("stream_options") as server:
        race = Race("", server={"chat_url": server.url, "vllm": False})
        async with race.generator:
            await race.generator.first_answer()
            load = await race.generator.round(1, asyncio.Event(), requests=4)
    assert load.complete and load.estimated
    assert all("stream_options" not in body for body in server.bodies)


async def test_another_refusal_is_not_asked_again() -> None:
    async with Listening("seed") as server:
        race = Race("", server={"chat_url": server.url, "vllm": False})
        async with race.generator:
            with pytest.raises(ArmError, match=r"HTTP 400: .*unknown field seed"):
                await race.generator.first_answer()
