"""The load generator: a closed loop of clients against one arm, and the documents of what they saw.

Each of `concurrency` clients keeps one streaming request in flight. Time to first token and every chunk are
stamped with the run's clock when their bytes arrive; tokens are counted from the running usage in the stream.

A request that fails ends its round early: no further one is begun, those that already speak finish, those
that still wait are withdrawn, and `RoundLoad.problem` says why. `round` does not raise: the race can go on.
"""

import asyncio
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
from pydantic import JsonValue

from engine.clock import Clock
from engine.config import Workload
from engine.documents import Column, Descriptor, Mark, MarkKind, Page
from engine.errors import ArmError
from engine.loadgen.pages import TextPages
from engine.loadgen.rounds import Exchange, Round, RoundLoad
from engine.loadgen.stream import AnswerStream, StreamFailed
from engine.metrics import METRICS
from engine.workload import PromptOrder

Emit = Callable[[Mark | Page], None]

DRAIN_SECONDS = 60.0
WARM_UP_TOKENS = 8
WARM_UP_SECONDS = 120.0
# vLLM closes an idle connection after 5 s: let go of it earlier, or a request would meet a closing door.
KEEP_ALIVE_SECONDS = 2.0

_FAILURES = (aiohttp.ClientError, OSError, TimeoutError, StreamFailed)


class LoadGenerator:
    """The clients of `arm` at `base_url`; `async with` opens their connections."""

    def __init__(
        self,
        *,
        arm: str,
        base_url: str,
        model: str,
        workload: Workload,
        clock: Clock,
        emit: Emit,
        request_ids: Iterator[int],
    ) -> None:
        self.arm = arm
        self._url = f"{base_url.rstrip('/')}/v1/chat/completions"
        self._model = model
        self._workload = workload
        self._clock = clock
        self._emit = emit
        self._request_ids = request_ids
        self._pages = TextPages(f"text.{arm}", emit)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5.0),
            headers={"Content-Type": "application/json"},
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pages.flush()
        if self._session is not None:
            await self._session.close()

    def descriptor(self) -> Descriptor:
        """What the arm's text stream holds; it has to be emitted before the first round."""
        columns = {name: METRICS[name] for name in ("request", "tokens", "text")}
        return Descriptor(
            stream=self._pages.stream,
            t_ns=self._clock.now_ns(),
            source="client",
            arm=self.arm,
            columns={name: Column(unit=metric.unit, kind=metric.kind) for name, metric in columns.items()},
        )

    async def warm_up(self, requests: int = 1) -> None:
        """Ask for `requests` short answers that no round counts. Raises ArmError when one fails."""
        order = PromptOrder(self._workload.seed)
        for _ in range(requests):
            stream = AnswerStream()
            body = self._body(next(order), WARM_UP_TOKENS)
            try:
                async with asyncio.timeout(WARM_UP_SECONDS), self._post(body) as response:
                    await _check(response)
                    while data := await response.content.readany():
                        stream.feed(data)
            except _FAILURES as error:
                raise ArmError(self.arm, f"its warm-up request failed: {_why(error)}") from error
            if not stream.completion_tokens:
                raise ArmError(self.arm, "its warm-up request brought no token")

    async def round(self, number: int, until: int | asyncio.Event) -> RoundLoad:
        """Keep `concurrency` requests in flight until `until` (the run's time, or an event), then drain.

        Every round asks the same prompts in the same order. At the cutoff, requests that have had their first
        token go on to their end and the others are withdrawn; after DRAIN_SECONDS more they are given up.
        Raises what `emit` raises.
        """
        load = RoundLoad(self.arm, number, begun_ns=self._clock.now_ns())
        current = Round(load, until, PromptOrder(self._workload.seed))
        clients = [asyncio.create_task(self._client(current)) for _ in range(self._workload.concurrency)]
        cutoff = asyncio.create_task(self._cutoff(current))
        try:
            await current.over.wait()
            await self._drain(current, clients)
        finally:
            for task in (cutoff, *clients):
                task.cancel()
            outcomes = await asyncio.gather(cutoff, *clients, return_exceptions=True)
            self._pages.flush()
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        current.load.drained_ns = self._clock.now_ns()
        return current.load

    async def _cutoff(self, current: Round) -> None:
        if isinstance(current.until, int):
            await self._clock.wait_until(current.until)
        else:
            await current.until.wait()
        current.over.set()

    async def _drain(self, current: Round, clients: list[asyncio.Task[None]]) -> None:
        """Withdraw what has not begun to speak; wait for the rest, but not for ever."""
        current.load.cutoff_ns = self._clock.now_ns()
        if isinstance(current.until, int):
            current.load.cutoff_ns = min(current.load.cutoff_ns, current.until)
        current.withdrawing = True
        waiting = [task for task in clients if task not in current.speaking]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        current.withdrawing = False
        _, left = await asyncio.wait(clients, timeout=DRAIN_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
        if left:
            current.end_reason = f"not finished {DRAIN_SECONDS:.0f} s after the round's end"
            current.fail(f"{len(left)} requests {current.end_reason}")

    def _may_begin(self, current: Round) -> bool:
        # The time or event itself is asked: the task that waits for it may not have run yet.
        until = current.until
        passed = self._clock.now_ns() >= until if isinstance(until, int) else until.is_set()
        return not (passed or current.over.is_set())

    async def _client(self, current: Round) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            while self._may_begin(current):
                prompt = next(current.prompts)
                exchange = Exchange(self.arm, current.load.round, next(self._request_ids), prompt)
                await self._ask(current, exchange, task)
                current.speaking.discard(task)
        except Exception:
            current.over.set()  # `emit` has raised, a full disk say: `round` shall raise it now
            raise

    async def _ask(self, current: Round, exchange: Exchange, task: asyncio.Task[None]) -> None:
        load = current.load
        load.submitted += 1
        self._mark(exchange, MarkKind.REQUEST_SUBMITTED, text=exchange.prompt)
        try:
            await self._exchange(current, exchange, task)
        except asyncio.CancelledError:
            state = "withdrawn" if current.withdrawing else "aborted"
            why = "the round ended before it had a slot" if current.withdrawing else current.end_reason
            load.withdrawn += current.withdrawing
            load.failed += not current.withdrawing
            self._failed(exchange, why, state)
            raise
        except _FAILURES as error:
            load.failed += 1
            self._failed(exchange, _why(error), None)
            current.fail(f"request {exchange.request} failed: {_why(error)}")
        else:
            self._finished(exchange, load)

    async def _exchange(self, current: Round, exchange: Exchange, task: asyncio.Task[None]) -> None:
        now_ns, stream, pages = self._clock.now_ns, exchange.stream, self._pages
        async with self._post(self._body(exchange.prompt, self._workload.max_tokens)) as response:
            await _check(response)
            while data := await response.content.readany():
                t_ns = now_ns()
                before = stream.completion_tokens
                rows = stream.feed(data)
                if not rows:
                    continue
                if before == 0 and stream.completion_tokens:
                    current.speaking.add(task)
                    self._mark(exchange, MarkKind.REQUEST_FIRST_TOKEN, t_ns=t_ns)
                exchange.last_ns = t_ns
                current.load.completion_tokens += sum(tokens for tokens, _ in rows)
                pages.add(t_ns, exchange.request, rows)
        if not stream.done and stream.finish_reason is None:
            raise StreamFailed("the stream ended in the middle of the answer")

    def _finished(self, exchange: Exchange, load: RoundLoad) -> None:
        stream = exchange.stream
        load.finished += 1
        load.prompt_tokens += stream.prompt_tokens or 0
        data: dict[str, JsonValue] = {
            "prompt_tokens": stream.prompt_tokens,
            "completion_tokens": stream.completion_tokens,
            "finish_reason": stream.finish_reason,
        }
        if stream.estimated:
            data["estimated"] = load.estimated = True
        self._pages.flush()
        self._mark(exchange, MarkKind.REQUEST_FINISHED, t_ns=exchange.last_ns, data=data)

    def _failed(self, exchange: Exchange, why: str, state: str | None) -> None:
        self._pages.flush()
        data: dict[str, JsonValue] = {"completion_tokens": exchange.stream.completion_tokens}
        self._mark(exchange, MarkKind.REQUEST_FAILED, text=why, state=state, data=data)

    def _mark(self, exchange: Exchange, kind: MarkKind, *, t_ns: int | None = None, **fields: Any) -> None:
        t_ns = self._clock.now_ns() if t_ns is None else t_ns
        arm, number, request = exchange.arm, exchange.round, exchange.request
        self._emit(Mark(kind=kind, t_ns=t_ns, arm=arm, round=number, request=request, **fields))

    def _post(self, body: bytes) -> Any:
        if self._session is None:
            raise RuntimeError("a LoadGenerator has to be entered with `async with` first")
        return self._session.post(self._url, data=body)

    def _body(self, prompt: str, max_tokens: int) -> bytes:
        return orjson.dumps(
            {
                "model": self._model,
                "messages": [{"role": "user", "content": prompt}],
                "max_tokens": max_tokens,
                "temperature": 0,
                "seed": self._workload.seed,
                "stream": True,
                "stream_options": {"include_usage": True, "continuous_usage_stats": True},
            }
        )


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        body = (await response.text())[:300]
        raise StreamFailed(f"HTTP {response.status}: {body}")


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__
