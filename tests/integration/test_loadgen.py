"""The load generator against the real simulated server."""

import asyncio
import itertools
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
from aiohttp import web
from simulated_server import MODEL, SimulatedServer, free_port

from engine.clock import NS, MonotonicClock
from engine.config import Workload
from engine.documents import Descriptor, Mark, MarkKind, Page, decode, encode
from engine.errors import ArmError, RecordingFull
from engine.loadgen import LoadGenerator
from engine.workload import PromptOrder

pytestmark = pytest.mark.alone


class Race:
    """What a load generator needs, and what it said."""

    def __init__(
        self, url: str, *, arm: str = "A", concurrency: int = 4, server: dict[str, Any] | None = None, **workload: Any
    ) -> None:
        self.documents: list[Mark | Page] = []
        self.clock = MonotonicClock(time.monotonic_ns())
        self.workload = Workload(**{"max_tokens": 40, **workload})
        self.watch: Callable[[Mark | Page], None] = lambda document: None
        self.generator = LoadGenerator(
            arm=arm,
            base_url=url,
            model=MODEL,
            workload=self.workload,
            concurrency=concurrency,
            clock=self.clock,
            emit=self.emit,
            request_ids=itertools.count(1),
            **(server or {}),
        )

    def emit(self, document: Mark | Page) -> None:
        self.documents.append(document)
        self.watch(document)

    def marks(self, kind: MarkKind) -> list[Mark]:
        return [each for each in self.documents if isinstance(each, Mark) and each.kind is kind]

    @property
    def pages(self) -> list[Page]:
        return [each for each in self.documents if isinstance(each, Page)]

    @property
    def rows(self) -> list[tuple[int, Any, Any, Any]]:
        rows: list[tuple[int, Any, Any, Any]] = []
        for page in self.pages:
            columns = (page.data[name] for name in ("request", "tokens", "text"))
            rows += zip(page.t_ns, *columns, strict=True)
        return rows

    def stop_when(self, kind: MarkKind, count: int) -> asyncio.Event:
        """An event that is set as soon as there are `count` marks of `kind`."""
        event = asyncio.Event()

        def watch(_: Mark | Page) -> None:
            if len(self.marks(kind)) >= count:
                event.set()

        self.watch = watch
        return event


async def test_counts_are_exactly_the_servers() -> None:
    with SimulatedServer("--max-num-seqs", "4") as server:
        race = Race(server.url, max_tokens=300)
        # Once all four speak nothing is left to withdraw, and a withdrawn token is all that could differ.
        done = race.stop_when(MarkKind.REQUEST_FIRST_TOKEN, 4)
        async with race.generator:
            load = await race.generator.round(1, done)
        assert load.complete and load.problem is None
        assert (load.submitted, load.finished, load.failed, load.withdrawn) == (4, 4, 0, 0)
        assert load.completion_tokens == server.metric("generation_tokens_total")
        assert load.prompt_tokens == server.metric("prompt_tokens_total")
    assert sum(tokens for _, _, tokens, _ in race.rows) == load.completion_tokens
    for finished in race.marks(MarkKind.REQUEST_FINISHED):
        rows = [row for row in race.rows if row[1] == finished.request]
        assert finished.data["completion_tokens"] == sum(row[2] for row in rows)
        assert finished.t_ns == rows[-1][0]
        assert finished.data["finish_reason"] in {"stop", "length"}


async def test_marks_and_pages_are_whole_and_in_order() -> None:
    with SimulatedServer("--max-num-seqs", "4") as server:
        race = Race(server.url)
        async with race.generator:
            descriptor = race.generator.descriptor()
            load = await race.generator.round(3, race.stop_when(MarkKind.REQUEST_FINISHED, 12))
    submitted = race.marks(MarkKind.REQUEST_SUBMITTED)
    assert [mark.request for mark in submitted] == list(range(1, load.submitted + 1))
    assert [mark.text for mark in submitted] == list(islice(PromptOrder(race.workload.seed), load.submitted))
    first = {mark.request: mark.t_ns for mark in race.marks(MarkKind.REQUEST_FIRST_TOKEN)}
    for request, t_ns in first.items():
        mine = [row for row in race.rows if row[1] == request]
        assert mine[0][0] == t_ns
        assert submitted[(request or 0) - 1].t_ns < t_ns
    assert all(mark.arm == "A" and mark.round == 3 for mark in race.documents if isinstance(mark, Mark))
    assert {page.stream for page in race.pages} == {"text.A"} == {descriptor.stream}
    assert [row[0] for row in race.rows] == sorted(row[0] for row in race.rows)
    assert load.begun_ns < load.cutoff_ns <= load.drained_ns
    # what was not validated while it was made is valid all the same
    documents: list[Mark | Page | Descriptor] = [descriptor, *race.documents]
    assert all(decode(encode(document)) == document for document in documents)


async def test_a_round_that_is_cut_short_drains_and_says_so() -> None:
    with SimulatedServer("--max-num-seqs", "4") as server:
        race = Race(server.url)
        cut = race.stop_when(MarkKind.REQUEST_FIRST_TOKEN, 4)
        async with race.generator:
            load = await race.generator.round(1, asyncio.Event(), cut=cut)
        assert load.cut and not load.complete and load.problem is None
        assert load.submitted == load.finished + load.withdrawn and load.failed == 0 and load.finished >= 4
        assert load.completion_tokens == server.metric("generation_tokens_total")


async def test_requests_without_a_slot_are_withdrawn() -> None:
    with SimulatedServer("--max-num-seqs", "1") as server:
        race = Race(server.url)
        async with race.generator:
            load = await race.generator.round(1, race.stop_when(MarkKind.REQUEST_FIRST_TOKEN, 1))
            assert (load.submitted, load.finished, load.withdrawn, load.failed) == (4, 1, 3, 0)
            assert load.complete
            while server.metric("num_requests_running") + server.metric("num_requests_waiting"):
                await asyncio.sleep(0.01)
        assert load.completion_tokens == server.metric("generation_tokens_total")
    failed = race.marks(MarkKind.REQUEST_FAILED)
    assert [mark.state for mark in failed] == ["withdrawn"] * 3
    assert all(mark.text for mark in failed)
    assert len(race.marks(MarkKind.REQUEST_SUBMITTED)) == len(failed) + 1


async def test_a_time_ends_a_round_and_a_past_one_begins_nothing() -> None:
    with SimulatedServer("--max-num-seqs", "4") as server:
        race = Race(server.url)
        async with race.generator:
            until_ns = race.clock.now_ns() + NS // 2
            load = await race.generator.round(1, until_ns)
            assert load.cutoff_ns == until_ns
            assert all(mark.t_ns < until_ns for mark in race.marks(MarkKind.REQUEST_SUBMITTED))
            late = await race.generator.round(2, race.clock.now_ns())
    assert (late.submitted, late.complete) == (0, True)


async def test_every_arm_and_round_gets_the_same_prompts() -> None:
    asked = []
    for slots in ("1", "4"):
        with SimulatedServer("--max-num-seqs", slots, "--seed", slots) as server:
            race = Race(server.url, max_tokens=4)
            async with race.generator:
                for number in (1, 2):
                    race.documents.clear()
                    await race.generator.round(number, race.stop_when(MarkKind.REQUEST_FINISHED, 6))
                    asked.append([mark.text for mark in race.marks(MarkKind.REQUEST_SUBMITTED)][:6])
    assert asked[0] == asked[1] == asked[2] == asked[3]


async def test_a_server_that_dies_ends_the_round_and_the_next_says_so_too() -> None:
    with SimulatedServer("--max-num-seqs", "2") as server:
        race = Race(server.url, max_tokens=4000)
        first = race.stop_when(MarkKind.REQUEST_FIRST_TOKEN, 2)
        async with race.generator:
            round_ = asyncio.create_task(race.generator.round(1, asyncio.Event()))
            await first.wait()
            server.process.kill()
            load = await round_
            again = await race.generator.round(2, asyncio.Event())
    assert not load.complete and load.problem
    assert load.failed + load.withdrawn == load.submitted - load.finished
    ended = race.marks(MarkKind.REQUEST_FAILED) + race.marks(MarkKind.REQUEST_FINISHED)
    assert {mark.request for mark in ended} == {mark.request for mark in race.marks(MarkKind.REQUEST_SUBMITTED)}
    assert sum(row[2] for row in race.rows) == load.completion_tokens
    assert again.problem and again.finished == 0


async def test_a_cancelled_round_leaves_no_request_open() -> None:
    with SimulatedServer("--max-num-seqs", "2") as server:
        race = Race(server.url, max_tokens=4000)
        first = race.stop_when(MarkKind.REQUEST_FIRST_TOKEN, 2)
        async with race.generator:
            round_ = asyncio.create_task(race.generator.round(1, asyncio.Event()))
            await first.wait()
            round_.cancel()
            await asyncio.gather(round_, return_exceptions=True)
            assert round_.cancelled()
        failed = race.marks(MarkKind.REQUEST_FAILED)
        assert [mark.state for mark in failed] == ["aborted"] * 4
        while server.metric("num_requests_running") + server.metric("num_requests_waiting"):
            await asyncio.sleep(0.01)


async def test_a_round_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.loadgen.generator.DRAIN_SECONDS", 0.2)
    with SimulatedServer("--max-num-seqs", "4") as server:
        race = Race(server.url, max_tokens=4000)
        async with race.generator:
            load = await race.generator.round(1, race.stop_when(MarkKind.REQUEST_FIRST_TOKEN, 4))
    assert "not finished" in (load.problem or "")


async def test_what_emit_raises_ends_the_round_at_once() -> None:
    def full(document: Mark | Page) -> None:
        if isinstance(document, Mark) and document.kind is MarkKind.REQUEST_FIRST_TOKEN:
            raise RecordingFull("x.jsonl", cause=OSError(28, "No space left on device"), written_bytes=1)

    with SimulatedServer() as server:
        race = Race(server.url, max_tokens=4000)
        race.watch = full
        async with race.generator:
            with pytest.raises(RecordingFull):
                await race.generator.round(1, asyncio.Event())


async def test_a_first_answer_is_counted_nowhere() -> None:
    with SimulatedServer() as server:
        race = Race(server.url)
        async with race.generator:
            await race.generator.first_answer()
        assert race.documents == []
        assert server.metric("generation_tokens_total") == 8


async def test_a_failed_first_answer_or_warm_up_names_the_arm() -> None:
    race = Race(f"http://127.0.0.1:{free_port()}", arm="B")
    async with race.generator:
        with pytest.raises(ArmError, match="arm B: its first request failed"):
            await race.generator.first_answer()
        with pytest.raises(ArmError, match="arm B: a warm-up request failed"):
            await race.generator.warm_up(race.clock.now_ns() + NS)


async def test_warming_up_ends_when_the_speed_has_settled_and_leaves_nothing_running() -> None:
    with SimulatedServer("--max-num-seqs", "4") as server:
        race = Race(server.url)
        async with race.generator:
            until_ns = race.clock.now_ns() + 60 * NS
            await race.generator.warm_up(until_ns)
            assert race.clock.now_ns() < until_ns
            while server.metric("num_requests_running") + server.metric("num_requests_waiting"):
                await asyncio.sleep(0.01)
        assert server.metric("generation_tokens_total") > 100
    assert race.documents == []


async def test_a_warm_up_that_has_not_settled_is_told() -> None:
    with SimulatedServer("--max-num-seqs", "4") as server:
        race = Race(server.url)
        async with race.generator:
            await race.generator.warm_up(race.clock.now_ns() + NS)  # one second cannot agree with two others
            [warning] = race.marks(MarkKind.WARNING)
            assert warning.arm == "A" and "had not settled after 1 s" in (warning.text or "")
            await race.generator.warm_up(race.clock.now_ns())  # no time: nothing asked, nothing to tell
    assert race.documents == [warning]


@pytest.mark.parametrize(("slots", "requests"), [("1", 6), ("4", 6), ("4", 2), ("4", 4)])
async def test_a_round_of_so_many_requests_sends_and_finishes_just_those(slots: str, requests: int) -> None:
    with SimulatedServer("--max-num-seqs", slots) as server:
        race = Race(server.url, max_tokens=8)
        async with race.generator:
            load = await race.generator.round(1, asyncio.Event(), requests=requests)
        assert server.metric("generation_tokens_total") == load.completion_tokens
        assert server.metric("prompt_tokens_total") == load.prompt_tokens
    assert (load.submitted, load.finished, load.withdrawn, load.failed) == (requests, requests, 0, 0)
    assert load.complete
    asked = [mark.text for mark in race.marks(MarkKind.REQUEST_SUBMITTED)]
    assert asked == list(islice(PromptOrder(race.workload.seed), requests))
    finished = sorted(mark.t_ns for mark in race.marks(MarkKind.REQUEST_FINISHED))
    assert load.full_until_ns(1) == finished[-1] and load.full_until_ns(requests) == finished[0]


async def test_a_fixed_length_is_what_every_answer_has() -> None:
    with SimulatedServer("--max-num-seqs", "4") as server:
        race = Race(server.url, max_tokens=120, fixed_length=True)  # most answers would end before by themselves
        async with race.generator:
            await race.generator.round(1, asyncio.Event(), requests=8)
    lengths = [mark.data["completion_tokens"] for mark in race.marks(MarkKind.REQUEST_FINISHED)]
    assert lengths == [120] * 8


async def odd_server(body: bytes, status: int) -> tuple[web.AppRunner, str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.05)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner, f"http://127.0.0.1:{port}"


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
