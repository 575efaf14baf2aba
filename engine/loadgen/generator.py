"""The load generator: a closed loop of clients against one arm, and the documents of what they saw.

Each of `concurrency` clients keeps one streaming request in flight. Time to first token and every chunk are
stamped with the run's clock when their bytes arrive; tokens are counted from the running usage in the stream.

A request that fails ends its round early: no further one is begun, those that already speak finish, those
that still wait are withdrawn, and `RoundLoad.problem` says why. `round` does not raise: the race can go on.

Questions of the audience (`crowd`) are asked beside all that, each once, as by one client more. Their tokens and joules
are the round's, and a warning marks it; but they are no part of its fixed work, and one that fails ends no round.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from pydantic import JsonValue

from engine.clock import NS, Clock
from engine.config import Workload
from engine.documents import Column, Descriptor, Mark, MarkKind, Page
from engine.errors import ArmError
from engine.loadgen.connection import FAILURES, Connection, why
from engine.loadgen.crowd import Crowd, Question
from engine.loadgen.form import Form
from engine.loadgen.pages import TextPages
from engine.loadgen.rounds import Exchange, Round, RoundLoad, over_or_cut
from engine.loadgen.stream import AnswerStream, StreamFailed
from engine.loadgen.warming import Warming
from engine.metrics import METRICS
from engine.validity import Reason
from engine.workload import PromptOrder

Emit = Callable[[Mark | Page], None]

DRAIN_SECONDS = 60.0
FIRST_ANSWER_TOKENS = 8
FIRST_ANSWER_SECONDS = 120.0
_GUESTS_FROM = 100_000
"""Requests of a round are numbered for their salt; those of the audience begin here."""


class LoadGenerator:
    """The clients of `arm` at `base_url` (or at `chat_url`, which has its `/v1`); `async with` opens their connections.

    `vllm` False is for any other OpenAI-compatible server: it gets no field that only vLLM knows. `headers` (a key,
    say) go with every request and into no document.
    """

    def __init__(
        self,
        *,
        arm: str,
        base_url: str = "",
        model: str,
        workload: Workload,
        concurrency: int,
        clock: Clock,
        emit: Emit,
        request_ids: Iterator[int],
        chat_url: str | None = None,
        headers: Mapping[str, str] | None = None,
        vllm: bool = True,
        crowd: Crowd | None = None,
    ) -> None:
        self.arm, self.concurrency = arm, concurrency
        url = chat_url or f"{base_url.rstrip('/')}/v1"
        self._server = Connection(
            f"{url.rstrip('/')}/chat/completions", Form(model, workload, vllm=vllm), dict(headers or {})
        )
        self._workload = workload
        self._clock = clock
        self._emit = emit
        self._request_ids = request_ids
        self._crowd = crowd or Crowd()
        self._door = asyncio.Lock()
        self._pages = TextPages(f"text.{arm}", emit)

    async def __aenter__(self) -> Self:
        await self._server.open()
        for kind, text in self._server.form.remarks():
            self._emit(Mark(kind=kind, t_ns=self._clock.now_ns(), arm=self.arm, text=f"arm {self.arm}: {text}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pages.flush()
        await self._server.close()

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

    # -- before the rounds

    async def first_answer(self) -> None:
        """See one short answer, which no round counts. Raises ArmError when it fails."""
        stream = AnswerStream()
        question = next(PromptOrder(self._workload.seed))
        try:
            async with (
                asyncio.timeout(FIRST_ANSWER_SECONDS),
                self._server.ask(question, max_tokens=FIRST_ANSWER_TOKENS) as content,
            ):
                while data := await content.readany():
                    stream.feed(data)
        except FAILURES as error:
            raise ArmError(self.arm, f"its first request failed: {why(error)}") from error
        if not stream.completion_tokens:
            raise ArmError(self.arm, "its first request brought no token")

    async def warm_up(self, until_ns: int) -> None:
        """Work as in a round, uncounted, until the speed settles; a warning tells when it did not by `until_ns`.

        Raises ArmError when a request fails.
        """
        if self._clock.now_ns() >= until_ns:
            return
        warming = Warming(self._server, PromptOrder(self._workload.seed), self._clock)
        begun = self._clock.now_ns()
        try:
            settled = await warming.run(self.concurrency, until_ns)
        except FAILURES as error:
            raise ArmError(self.arm, f"a warm-up request failed: {why(error)}") from error
        if not settled:
            counts = ", ".join(map(str, warming.settling.counts)) or "none"
            seconds = (self._clock.now_ns() - begun) / NS
            text = (
                f"arm {self.arm}: its speed had not settled after {seconds:.0f} s of warm-up; tokens a second: {counts}"
            )
            self._emit(Mark(kind=MarkKind.WARNING, t_ns=self._clock.now_ns(), arm=self.arm, text=text))

    # -- a round

    async def round(
        self, number: int, until: int | asyncio.Event, *, requests: int | None = None, cut: asyncio.Event | None = None
    ) -> RoundLoad:
        """Keep `concurrency` requests in flight until `until` (the run's time, or an event), then drain.

        With `requests` exactly so many are sent and answered, and the last answer ends the round; `cut` ends it before
        its time, which `RoundLoad.cut` tells. Every round asks
        the same prompts in the same order. At the cutoff, requests that have had their first token go on to their
        end and the others are withdrawn; after DRAIN_SECONDS more they are given up. Raises what `emit` raises.
        """
        load = RoundLoad(self.arm, number, begun_ns=self._clock.now_ns())
        current = Round(load, until, PromptOrder(self._workload.seed), requests)
        clients = [asyncio.create_task(self._client(current)) for _ in range(self.concurrency)]
        cutoff = asyncio.create_task(self._cutoff(current, cut))
        try:
            with self._crowd.hosted(lambda question: self._host(current, clients, question)):
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

    async def _cutoff(self, current: Round, cut: asyncio.Event | None) -> None:
        was_cut = await over_or_cut(self._clock, current.until, cut)
        current.load.cut = was_cut and not current.over.is_set()
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

    async def _client(self, current: Round) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            while current.may_begin(self._clock.now_ns()):
                load, prompt = current.load, next(current.prompts)
                load.submitted += 1
                salt = self._server.form.salt(load.round, load.submitted)
                exchange = Exchange(self.arm, load.round, next(self._request_ids), prompt, salt)
                await self._ask(current, exchange, task)
                current.speaking.discard(task)
                async with self._door:  # one a pass of the loop: what comes while 64 ask anew is stamped in time
                    await asyncio.sleep(0)
        except Exception:
            current.over.set()  # `emit` has raised, a full disk say: `round` shall raise it now
            raise

    def _host(self, current: Round, clients: list[asyncio.Task[None]], question: Question) -> bool:
        """Take a question of the audience into the round, if it still begins requests."""
        if not current.may_begin(self._clock.now_ns()):
            return False

        def over(task: asyncio.Task[None]) -> None:
            # The round ended before the question had a slot: it is the next one's.
            if task.cancelled() and current.withdrawing:
                self._crowd.ask(question)

        clients.append(asyncio.create_task(self._guest(current, question)))
        clients[-1].add_done_callback(over)
        return True

    async def _guest(self, current: Round, question: Question) -> None:
        """One question of the audience, asked once."""
        task, number = asyncio.current_task(), current.load.round
        assert task is not None
        salt = self._server.form.salt(number, _GUESTS_FROM + question.number)
        exchange = Exchange(self.arm, number, next(self._request_ids), question.text, salt, question=question)
        try:
            if not current.has_guests:
                current.has_guests = True
                text = f"round {number} of arm {self.arm} answers questions of the audience, so no verdict counts it"
                data: dict[str, JsonValue] = {"code": Reason.CROWD_LOAD.value}
                t_ns = self._clock.now_ns()
                self._emit(Mark(kind=MarkKind.WARNING, t_ns=t_ns, arm=self.arm, round=number, text=text, data=data))
            # Counts of its own: what the round was asked to do is done by the round's own clients.
            await self._ask(current, exchange, task, RoundLoad(self.arm, number, current.load.begun_ns))
        except Exception:
            current.over.set()
            raise

    async def _ask(
        self, current: Round, exchange: Exchange, task: asyncio.Task[None], load: RoundLoad | None = None
    ) -> None:
        own = load is None
        load = load or current.load
        crowd: dict[str, JsonValue] = {"crowd": exchange.question.number} if exchange.question else {}
        self._mark(exchange, MarkKind.REQUEST_SUBMITTED, text=exchange.prompt, data=crowd)
        try:
            await self._exchange(current, exchange, task)
        except asyncio.CancelledError:
            state = "withdrawn" if current.withdrawing else "aborted"
            reason = "the round ended before it had a slot" if current.withdrawing else current.end_reason
            load.withdrawn += current.withdrawing
            load.failed += not current.withdrawing
            self._failed(exchange, reason, state)
            raise
        except FAILURES as error:
            load.failed += 1
            self._failed(exchange, why(error), None)
            if own:
                current.fail(f"request {exchange.request} failed: {why(error)}")
        else:
            self._finished(exchange, load)
            if own and load.finished == current.requests:
                current.over.set()

    async def _exchange(self, current: Round, exchange: Exchange, task: asyncio.Task[None]) -> None:
        now_ns, stream, pages = self._clock.now_ns, exchange.stream, self._pages
        async with self._server.ask(exchange.prompt, salt=exchange.salt) as content:
            while data := await content.readany():
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
        await asyncio.sleep(0)  # where many answers end at once, all are stamped before the first asks anew
        if not stream.done and stream.finish_reason is None:
            raise StreamFailed("the stream ended in the middle of the answer")

    def _finished(self, exchange: Exchange, load: RoundLoad) -> None:
        stream = exchange.stream
        load.finished += 1
        load.finished_ns.append(exchange.last_ns)
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

    def _failed(self, exchange: Exchange, reason: str, state: str | None) -> None:
        self._pages.flush()
        data: dict[str, JsonValue] = {"completion_tokens": exchange.stream.completion_tokens}
        self._mark(exchange, MarkKind.REQUEST_FAILED, text=reason, state=state, data=data)

    def _mark(self, exchange: Exchange, kind: MarkKind, *, t_ns: int | None = None, **fields: Any) -> None:
        t_ns = self._clock.now_ns() if t_ns is None else t_ns
        arm, number, request = exchange.arm, exchange.round, exchange.request
        self._emit(Mark(kind=kind, t_ns=t_ns, arm=arm, round=number, request=request, **fields))
