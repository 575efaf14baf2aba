import asyncio
from itertools import pairwise
from pathlib import Path

from engine.clock import NS, FakeClock
from engine.occupancy import Load, Occupancy
from engine.simulator.batch import Batch, Request
from engine.simulator.model import Roofline, roofline
from engine.simulator.runner import FORGIVEN_NS, Reply, Runner
from engine.simulator.text import Answer

QWEN = "Qwen/Qwen2.5-1.5B-Instruct"


class Watched(FakeClock):
    """A fake clock that notes what is waited for, and may oversleep once."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[int] = []
        self.loads: list[Load] = []
        self.stall_at, self.stall_ns = -1, 0
        self.occupancy: Occupancy | None = None

    async def wait_until(self, t_ns: int) -> None:
        self.waits.append(t_ns)
        if self.occupancy is not None:
            self.loads.append(self.occupancy.read(0))
        if len(self.waits) == self.stall_at:
            t_ns += self.stall_ns
        await super().wait_until(t_ns)


def job(tokens: int) -> Request[Reply]:
    return Request(Reply(Answer("Do fish ever sleep?", "greedy"), ends_naturally=False), 40, tokens)


async def finish(runner: Runner, jobs: list[Request[Reply]]) -> None:
    task = asyncio.create_task(runner.run())
    for each in jobs:
        runner.submit(each)
    while not all(each.stream.finished for each in jobs):
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def seconds(model: Roofline, slots: int, tokens: int = 50) -> float:
    clock = Watched()
    await finish(Runner(Batch(model, slots), clock), [job(tokens) for _ in range(8)])
    return clock.now_ns() / NS


async def test_batch_eight_takes_a_fraction_of_batch_ones_time() -> None:
    model = roofline(QWEN)
    one, eight = await seconds(model, 1), await seconds(model, 8)
    assert 6 < one / eight < 8
    assert await seconds(roofline(QWEN, eager=True), 8) > 1.5 * eight
    assert await seconds(roofline(QWEN, quantization="fp8"), 8) < eight


async def test_steps_are_due_at_absolute_times_and_a_stall_is_made_up_for_gently() -> None:
    smooth, stalled = Watched(), Watched()
    stalled.stall_at, stalled.stall_ns = 20, 40_000_000  # about ten steps
    for clock in (smooth, stalled):
        await finish(Runner(Batch(roofline(QWEN), 8), clock), [job(100)])
    assert stalled.now_ns() == smooth.now_ns()
    distances = [later - earlier for earlier, later in pairwise(stalled.waits)]
    normal = distances[0]
    assert min(distances) >= 0.45 * normal
    assert max(distances) <= stalled.stall_ns + normal


async def test_a_very_long_stall_is_let_go() -> None:
    clock = Watched()
    clock.stall_at, clock.stall_ns = 20, 60 * NS
    await finish(Runner(Batch(roofline(QWEN), 8), clock), [job(2000)])
    undisturbed = Watched()
    await finish(Runner(Batch(roofline(QWEN), 8), undisturbed), [job(2000)])
    assert 0 <= clock.now_ns() - undisturbed.now_ns() - 60 * NS + FORGIVEN_NS < NS // 100


async def test_the_load_is_published_at_each_step_and_idle_afterwards(tmp_path: Path) -> None:
    clock = Watched()
    clock.occupancy = Occupancy.create(tmp_path / "occupancy")
    batch = Batch[Reply](roofline(QWEN), 4)
    await finish(Runner(batch, clock, clock.occupancy), [job(10) for _ in range(6)])
    assert clock.loads[0].prefilling == 4
    assert {load.running for load in clock.loads} == {4, 2}
    assert all(0 < load.memory_share <= 1 for load in clock.loads)
    assert clock.occupancy.read(0) == Load()
    clock.occupancy.close()


async def test_a_reply_says_the_answers_words_and_why_it_ended() -> None:
    answer = Answer("Do fish ever sleep?", "greedy")
    natural = answer.natural_tokens
    reply = Reply(answer, ends_naturally=True, available=natural + 1, finished=True)
    assert reply.text(0, natural + 1) == answer.text(natural)
    assert reply.text(natural, natural + 1) == ""
    assert reply.finish_reason == "stop"
    assert Reply(answer, ends_naturally=False, finished=True).finish_reason == "length"
    assert Reply(answer, ends_naturally=False).finish_reason is None
