"""A server's own metrics as a stream: read from its text, and polled from real servers."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from simulated_server import MODEL, SimulatedServer, free_port

from engine.arms import metrics_poll
from engine.arms.metrics_poll import MetricsPoll, read_exposition
from engine.clock import NS, MonotonicClock
from engine.documents import Descriptor, Page, decode, encode

# As vLLM 0.32 writes it, shortened: longer names that begin alike, `_created` twins, histograms with our words.
TEXT = b"""# HELP python_info Python platform information
python_info{implementation="CPython"} 1.0
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="arm"} 3.0
vllm:num_requests_running{engine="1",model_name="arm"} 4.0
vllm:num_requests_waiting{engine="0",model_name="a}rm "} 5.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="arm",reason="capacity"} 99.0
vllm:kv_cache_usage_perc{engine="0",model_name="arm"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="arm"} 0.5
vllm:num_preemptions_total{engine="0",model_name="arm"} 1.0
vllm:num_preemptions_created{engine="0",model_name="arm"} 1.7952495215753412e+09
vllm:prompt_tokens_total{engine="0",model_name="arm"} 1.234567e+06
vllm:prompt_tokens_by_source_total{engine="0",model_name="arm",source="local_compute"} 99.0
vllm:generation_tokens_total{engine="0",model_name="arm"} 48.0
"""
ROW = {
    "running_requests": 7,
    "waiting_requests": 5,
    "kv_cache_usage_percent": 50.0,
    "prompt_tokens": 1234567,
    "generation_tokens": 48,
    "preemptions": 1,
}


def test_our_metrics_are_found_among_all_others() -> None:
    assert read_exposition(TEXT) == ROW
    assert read_exposition(TEXT.replace(b'{engine="0",model_name="arm"}', b""))["prompt_tokens"] == 1234567


def test_what_is_missing_is_none() -> None:
    nothing = dict.fromkeys(ROW)
    assert read_exposition(b"") == nothing == read_exposition(b"<html>vllm:num_requests_running</html>")
    assert read_exposition(b"vllm:num_requests_running NaN\nvllm:num_requests_waiting x\n") == nothing


async def rows(poll: MetricsPoll, emitted: list[Descriptor | Page], number: int) -> list[Page]:
    """The first `number` pages of a poll."""
    async with asyncio.timeout(30), poll:
        while len(emitted) <= number:
            await asyncio.sleep(0.01)
    return [document for document in emitted if isinstance(document, Page)][:number]


async def test_a_servers_work_is_seen() -> None:
    emitted: list[Descriptor | Page] = []
    clock = MonotonicClock(time.monotonic_ns())
    with SimulatedServer("--max-num-seqs", "2") as server:
        body = {"model": MODEL, "prompt": "Why?", "max_tokens": 20_000, "ignore_eos": True, "stream": True}
        async with aiohttp.ClientSession() as session, contextlib.AsyncExitStack() as stack:
            for _ in range(2):
                answer = await stack.enter_async_context(session.post(f"{server.url}/v1/completions", json=body))
                await answer.content.readany()
            pages = await rows(MetricsPoll("B", server.url, clock, emitted.append, active=True), emitted, 3)
    descriptor = emitted[0]
    assert isinstance(descriptor, Descriptor)
    assert (descriptor.stream, descriptor.source, descriptor.arm) == ("vllm.B", "vllm", "B")
    assert list(descriptor.columns) == list(ROW) == list(pages[0].data)
    assert descriptor.columns["generation_tokens"].kind == "counter"
    assert [page.data["running_requests"] for page in pages] == [[2]] * 3
    generated = [page.data["generation_tokens"][0] for page in pages]
    assert generated == sorted(set(generated)), "tokens come between any two polls"
    assert all(0 < page.data["kv_cache_usage_percent"][0] < 100 for page in pages)
    times = [page.t_ns[0] for page in pages]
    assert all(later - earlier > 0.05 * NS for earlier, later in itertools.pairwise(times))
    for document in emitted:
        assert decode(encode(document)) == document


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def test_a_server_that_cannot_choose_by_name_is_asked_for_all() -> None:
    asked: list[str] = []

    async def everything(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=TEXT if request.path == "/metrics" else b"")

    app = web.Application()
    app.router.add_get("/metrics", everything)
    app.router.add_get("/metrics/", everything)
    emitted: list[Descriptor | Page] = []
    async with serving(app) as url:
        pages = await rows(MetricsPoll("A", url, MonotonicClock(), emitted.append, active=True), emitted, 2)
    assert [{name: column[0] for name, column in page.data.items()} for page in pages] == [ROW, ROW]
    assert asked[:3] == ["/metrics/", "/metrics", "/metrics"], "and not by name again"


async def test_an_outage_is_one_row_of_nulls() -> None:
    emitted: list[Descriptor | Page] = []
    sick = True

    async def flaky(_: web.Request) -> web.Response:
        return web.Response(body=TEXT, status=200) if not sick else web.Response(status=503)

    app = web.Application()
    app.router.add_get("/metrics/", flaky)
    app.router.add_get("/metrics", flaky)
    async with serving(app) as url, MetricsPoll("A", url, MonotonicClock(), emitted.append, active=True):
        await asyncio.sleep(5 * metrics_poll.POLL_SECONDS)
        seen = emitted[1:]
        sick = False
        async with asyncio.timeout(30):
            while len(emitted) < 4:
                await asyncio.sleep(0.01)
    assert [page.data for page in seen if isinstance(page, Page)] == [{name: [None] for name in ROW}]
    assert isinstance(emitted[2], Page) and emitted[2].data["running_requests"] == [7]


async def test_a_late_loop_makes_up_for_nothing_and_an_idle_arm_is_asked_seldom() -> None:
    asked = 0

    async def count(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(body=TEXT)

    app = web.Application()
    app.router.add_get("/metrics/", count)
    emitted: list[Descriptor | Page] = []
    async with serving(app) as url:
        async with MetricsPoll("A", url, MonotonicClock(), emitted.append, active=True):
            await asyncio.sleep(metrics_poll.POLL_SECONDS / 2)
            time.sleep(5 * metrics_poll.POLL_SECONDS)  # the whole loop stands still
            await asyncio.sleep(metrics_poll.POLL_SECONDS / 4)
            assert asked <= 2, "the polls that were missed are not made up for"
        asked = 0
        async with MetricsPoll("A", url, MonotonicClock(), emitted.append):
            await asyncio.sleep(4.5 * metrics_poll.POLL_SECONDS)
            assert asked == 1
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("poll")]


async def test_a_dead_server_costs_the_poll_nothing_but_a_row() -> None:
    emitted: list[Descriptor | Page] = []
    url = f"http://127.0.0.1:{free_port()}"
    async with MetricsPoll("A", url, MonotonicClock(), emitted.append, active=True):
        await asyncio.sleep(3 * metrics_poll.POLL_SECONDS)
    assert [page.data for page in emitted if isinstance(page, Page)] == [{name: [None] for name in ROW}]
