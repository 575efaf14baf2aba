"""Warming an arm up: clients as in a round, of whom nothing is recorded, until the speed settles."""

import asyncio

from engine.clock import NS, Clock
from engine.loadgen.connection import Connection
from engine.loadgen.settling import Settling
from engine.loadgen.stream import AnswerStream, StreamFailed
from engine.workload import PromptOrder

_BEFORE_ROUNDS = 0
"""The round number that salts these requests."""


class Warming:
    """Clients of `server` that ask `prompts` and count what they get."""

    def __init__(self, server: Connection, prompts: PromptOrder, clock: Clock) -> None:
        self.settling = Settling()
        self._server, self._prompts, self._clock = server, prompts, clock
        self._asked = self._tokens = self._speaking = self._most = 0

    async def run(self, concurrency: int, until_ns: int) -> bool:
        """Keep `concurrency` requests in flight; whether the speed settled by `until_ns`. Raises one of FAILURES."""
        clients = [asyncio.create_task(self._client()) for _ in range(concurrency)]
        try:
            return await self._settle(clients, until_ns)
        finally:
            for task in clients:
                task.cancel()
            await asyncio.gather(*clients, return_exceptions=True)

    async def _settle(self, clients: list[asyncio.Task[None]], until_ns: int) -> bool:
        due_ns = self._clock.now_ns()
        while (due_ns := due_ns + NS) <= until_ns:
            before, self._most = self._tokens, self._speaking
            await self._wait(clients, due_ns)
            if self.settling.second(self._tokens - before, step=self._most):
                return True
        await self._wait(clients, until_ns)
        return False

    async def _wait(self, clients: list[asyncio.Task[None]], due_ns: int) -> None:
        seconds = max(0.0, (due_ns - self._clock.now_ns()) / NS)
        done, _ = await asyncio.wait(clients, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # a client ends only by raising

    async def _client(self) -> None:
        while True:
            self._asked += 1
            await self._ask(next(self._prompts), self._server.form.salt(_BEFORE_ROUNDS, self._asked))

    async def _ask(self, question: str, salt: str | None) -> None:
        stream, speaking = AnswerStream(), False
        try:
            async with self._server.ask(question, salt=salt) as content:
                while data := await content.readany():
                    self._tokens += sum(tokens for tokens, _ in stream.feed(data))
                    if stream.completion_tokens and not speaking:
                        speaking = True
                        self._speaking += 1
                        self._most = max(self._most, self._speaking)
        finally:
            self._speaking -= speaking
        if not stream.completion_tokens:
            raise StreamFailed("the answer brought no token")
