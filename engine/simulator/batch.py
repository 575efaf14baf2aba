"""Continuous batching, pure: which requests are computed in the next step, and what that step brings forth.

As in vLLM: requests wait first come, first served; at most `max_num_seqs` run; a step takes every running
request one token further and fills what is left of the token budget with prompts (in chunks where they are
long). When the cache is full, the youngest request is preempted and computed anew later. Nothing here knows
the time.
"""

import random
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Generic, TypeVar

from engine.simulator.model import Cost, Roofline, Work
from engine.simulator.text import BLOCK_TOKENS

Stream = TypeVar("Stream")


@dataclass(slots=True, eq=False)
class Request(Generic[Stream]):
    """One request: what it asks for, how far it is, and the `stream` that its tokens go to."""

    stream: Stream
    prompt_tokens: int
    output_tokens: int
    """Tokens after which it ends, its end-of-sequence token counted."""
    prefix: tuple[int, ...] = ()
    """A key for each block of its prompt, as `prefix_blocks` makes them; blocks with a known key are not computed."""
    generated: int = 0
    computed: int = 0
    """Tokens of its context whose keys and values are in the cache."""
    cancelled: bool = False

    @property
    def context(self) -> int:
        """Tokens that have to be in the cache before the next one can come."""
        return self.prompt_tokens + self.generated

    @property
    def finished(self) -> bool:
        """Whether all its tokens are there."""
        return self.generated >= self.output_tokens


@dataclass(slots=True)
class Step(Generic[Stream]):
    """One forward pass: its cost, and how many tokens of context it computes for whom."""

    cost: Cost
    computes: list[tuple[Request[Stream], int]]


@dataclass(slots=True)
class Counters:
    """What `/metrics` counts since the start."""

    prompt_tokens: int = 0
    generated_tokens: int = 0
    preemptions: int = 0
    finished: int = 0
    aborted: int = 0
    prefix_queries: int = 0
    prefix_hits: int = 0
    steps: int = 0


@dataclass
class Batch(Generic[Stream]):
    """The scheduler: `add` and `cancel` at any time, then `begin` a step and `finish` it."""

    roofline: Roofline
    max_num_seqs: int = 256
    max_num_batched_tokens: int = 8192
    kv_capacity_tokens: int = 1_000_000
    prefix_caching: bool = True
    speculative_tokens: int = 0
    """Tokens that are guessed ahead in each step."""
    acceptance: float = 0.3
    """Chance that a guessed token is right, each after the one before it."""
    seed: int = 0
    waiting: deque[Request[Stream]] = field(default_factory=deque)
    running: list[Request[Stream]] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        self._random = random.Random(f"speculation {self.seed}")
        self._blocks: OrderedDict[int, None] = OrderedDict()

    @property
    def kv_usage(self) -> float:
        """Share of the cache that running requests fill, 0 to 1."""
        return min(1.0, sum(request.computed for request in self.running) / max(1, self.kv_capacity_tokens))

    def add(self, request: Request[Stream]) -> None:
        """Queue `request`."""
        self.waiting.append(request)

    def cancel(self, request: Request[Stream]) -> None:
        """Its client is gone: the next step is without it."""
        request.cancelled = True

    def begin(self) -> Step[Stream] | None:
        """The next step, or None when there is nothing to compute."""
        self._drop_cancelled()
        budget = self.max_num_batched_tokens
        computes: list[tuple[Request[Stream], int]] = []
        self._make_room()
        for request in self.running:
            budget = self._schedule(request, budget, computes)
        while self.waiting and len(self.running) < self.max_num_seqs and budget > 0 and self._fits(self.waiting[0]):
            request = self.waiting.popleft()
            self.running.append(request)
            self._reuse_prefix(request)
            budget = self._schedule(request, budget, computes)
        if not computes:
            return None
        return Step(self.roofline.cost(self._work(computes)), computes)

    def finish(self, step: Step[Stream]) -> list[tuple[Request[Stream], int]]:
        """The requests that got tokens in `step`, with how many; finished ones leave the batch."""
        progress: list[tuple[Request[Stream], int]] = []
        self.counters.steps += 1
        for request, tokens in step.computes:
            request.computed += tokens
            if request.cancelled or request.computed < request.context:
                continue  # nobody is listening, or the prompt is not through yet
            if request.generated == 0:
                self.counters.prompt_tokens += request.prompt_tokens
                self._remember_prefix(request)
            new = min(1 + self._accepted(), request.output_tokens - request.generated)
            request.generated += new
            request.computed += new - 1  # the newest token is computed by the next step
            self.counters.generated_tokens += new
            progress.append((request, new))
        self.counters.finished += sum(request.finished for request, _ in progress)
        self.running = [request for request in self.running if not request.finished]
        return progress

    def _schedule(self, request: Request[Stream], budget: int, computes: list[tuple[Request[Stream], int]]) -> int:
        tokens = min(budget, request.context - request.computed)
        if tokens > 0:
            computes.append((request, tokens))
        return budget - max(0, tokens)

    def _work(self, computes: list[tuple[Request[Stream], int]]) -> Work:
        decoding = [request for request, _ in computes if request.generated]
        prefill = sum(tokens for request, tokens in computes if not request.generated)
        return Work(
            sequences=len(computes),
            decode_tokens=sum(tokens for request, tokens in computes if request.generated)
            + self.speculative_tokens * len(decoding),
            prefill_tokens=prefill,
            context_tokens=sum(request.computed for request, _ in computes),
            prefilling=len(computes) - len(decoding),
        )

    def _drop_cancelled(self) -> None:
        before = len(self.running) + len(self.waiting)
        self.running = [request for request in self.running if not request.cancelled]
        if any(request.cancelled for request in self.waiting):
            self.waiting = deque(request for request in self.waiting if not request.cancelled)
        self.counters.aborted += before - len(self.running) - len(self.waiting)

    def _fits(self, request: Request[Stream]) -> bool:
        used = sum(other.context + 1 for other in self.running)
        return used + request.context + 1 <= self.kv_capacity_tokens

    def _make_room(self) -> None:
        """Preempt the youngest until the rest has room for its next tokens."""
        ahead = 1 + self.speculative_tokens
        need = sum(request.context + ahead for request in self.running)
        while need > self.kv_capacity_tokens and len(self.running) > 1:
            youngest = self.running.pop()
            need -= youngest.context + ahead
            youngest.computed = 0
            self.waiting.appendleft(youngest)
            self.counters.preemptions += 1

    def _accepted(self) -> int:
        accepted = 0
        while accepted < self.speculative_tokens and self._random.random() < self.acceptance:
            accepted += 1
        return accepted

    def _reuse_prefix(self, request: Request[Stream]) -> None:
        if not self.prefix_caching or request.computed:
            return
        self.counters.prefix_queries += request.prompt_tokens
        known = len(list(takewhile(self._blocks.__contains__, request.prefix)))
        # The last token is always computed: it is what the first answer comes from.
        request.computed = min(known * BLOCK_TOKENS, (request.prompt_tokens - 1) // BLOCK_TOKENS * BLOCK_TOKENS)
        self.counters.prefix_hits += request.computed

    def _remember_prefix(self, request: Request[Stream]) -> None:
        """Its blocks are the newest, the first of them last: what ends a chain goes before what begins it."""
        for key in reversed(request.prefix):
            self._blocks[key] = None
            self._blocks.move_to_end(key)
        while len(self._blocks) > self.kv_capacity_tokens // BLOCK_TOKENS:
            self._blocks.popitem(last=False)
