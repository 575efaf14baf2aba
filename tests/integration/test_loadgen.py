"""The load generator against the real simulated server."""

import asyncio
from itertools import islice

import pytest
from simulated_server import SimulatedServer, free_port

from engine.clock import NS
from engine.documents import Descriptor, Mark, MarkKind, Page, decode, encode
from engine.errors import ArmError, RecordingFull
from engine.workload import PromptOrder
from integration.loads import Race

pytestmark = pytest.mark.alone


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
