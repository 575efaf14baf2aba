"""Questions of the audience beside a round's own clients, against the real simulated server."""

import asyncio

import pytest
from simulated_server import SimulatedServer

from engine.documents import Mark, MarkKind, Page
from engine.loadgen import Crowd, Question
from engine.loadgen.crowd import MOST_WAITING
from integration.loads import Race, odd_server

QUESTIONS = [Question(number, f"Why is {number} a number?") for number in range(1, 6)]


def crowd_of(race: Race, kind: MarkKind) -> list[Mark]:
    """Marks of this kind about the audience's requests."""
    theirs = {mark.request for mark in race.marks(MarkKind.REQUEST_SUBMITTED) if "crowd" in mark.data}
    return [mark for mark in race.marks(kind) if mark.request in theirs]


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


async def test_questions_are_extra_clients_and_the_batch_grows(crowd: Crowd) -> None:
    with SimulatedServer("--max-num-seqs", "8") as server:
        race = Race(server.url, concurrency=1, max_tokens=200, fixed_length=True, server={"crowd": crowd})
        everyone = race.stop_when(MarkKind.REQUEST_FIRST_TOKEN, 6)
        async with race.generator:
            round_over = asyncio.create_task(race.generator.round(1, everyone))
            while not race.marks(MarkKind.REQUEST_FIRST_TOKEN):
                await asyncio.sleep(0.01)
            assert all(crowd.ask(question) for question in QUESTIONS)
            await everyone.wait()
            running = server.metric("num_requests_running")
            load = await round_over
            generated = server.metric("generation_tokens_total")
    assert running == 6, "one client of the race and five of the audience are computed at once"
    assert [mark.text for mark in crowd_of(race, MarkKind.REQUEST_SUBMITTED)] == [each.text for each in QUESTIONS]
    assert [mark.data["crowd"] for mark in crowd_of(race, MarkKind.REQUEST_SUBMITTED)] == [1, 2, 3, 4, 5]
    assert len(crowd_of(race, MarkKind.REQUEST_FINISHED)) == 5
    assert (load.submitted, load.finished, load.failed, load.problem) == (1, 1, 0, None)
    assert load.completion_tokens == generated, "their tokens are the round's"
    [warning] = race.marks(MarkKind.WARNING)
    assert warning.data == {"code": "crowd_load"} and (warning.arm, warning.round) == ("A", 1)
    assert warning.t_ns <= crowd_of(race, MarkKind.REQUEST_SUBMITTED)[0].t_ns


async def test_what_comes_between_rounds_or_had_no_slot_is_asked_in_the_next_one(crowd: Crowd) -> None:
    assert crowd.ask(QUESTIONS[0]) and crowd.ask(QUESTIONS[1])
    with SimulatedServer("--max-num-seqs", "1") as server:
        race = Race(server.url, concurrency=1, max_tokens=30, server={"crowd": crowd})
        async with race.generator:
            assert crowd.waiting == 2
            await race.generator.round(1, race.stop_when(MarkKind.REQUEST_FIRST_TOKEN, 1))
            assert crowd.waiting == 2, "the race's own client had the only slot"
            withdrawn = [mark.state for mark in crowd_of(race, MarkKind.REQUEST_FAILED)]
            assert withdrawn == ["withdrawn", "withdrawn"]
            await race.generator.round(2, race.stop_when(MarkKind.REQUEST_FIRST_TOKEN, 5))
    assert crowd.waiting == 0
    answered = crowd_of(race, MarkKind.REQUEST_FINISHED)
    assert len(answered) == 2 and {mark.round for mark in answered} == {2}
    asked = [mark.data["crowd"] for mark in crowd_of(race, MarkKind.REQUEST_SUBMITTED)]
    assert sorted(asked) == [1, 1, 2, 2]


async def test_a_round_of_fixed_work_does_its_own_work_all_the_same(crowd: Crowd) -> None:
    with SimulatedServer("--max-num-seqs", "8") as server:
        race = Race(server.url, concurrency=2, max_tokens=20, server={"crowd": crowd})
        for question in QUESTIONS:
            crowd.ask(question)
        async with race.generator:
            load = await race.generator.round(1, asyncio.Event(), requests=6)
    assert (load.submitted, load.finished, len(load.finished_ns)) == (6, 6, 6)
    own = [mark for mark in race.marks(MarkKind.REQUEST_FINISHED) if mark not in crowd_of(race, mark.kind)]
    assert len(own) == 6


async def test_a_question_that_fails_ends_no_round(crowd: Crowd) -> None:
    runner, url = await odd_server(b"no", 500)
    race = Race(url, concurrency=0, server={"crowd": crowd})
    crowd.ask(QUESTIONS[0])
    async with race.generator:
        over = asyncio.Event()
        round_over = asyncio.create_task(race.generator.round(1, over))
        while not race.marks(MarkKind.REQUEST_FAILED):
            await asyncio.sleep(0.01)
        assert not round_over.done()
        over.set()
        load = await round_over
    await runner.cleanup()
    assert load.problem is None and "HTTP 500" in (crowd_of(race, MarkKind.REQUEST_FAILED)[0].text or "")


async def test_what_emit_raises_ends_the_round_for_a_guest_too(crowd: Crowd) -> None:
    with SimulatedServer("--max-num-seqs", "4") as server:
        race = Race(server.url, server={"crowd": crowd})

        def watch(document: Mark | Page) -> None:
            if isinstance(document, Mark) and document.kind is MarkKind.WARNING:
                raise OSError("the disk is full")

        race.watch = watch
        async with race.generator:
            crowd.ask(QUESTIONS[0])
            with pytest.raises(OSError, match="disk is full"):
                await race.generator.round(1, asyncio.Event())


def test_a_crowd_keeps_only_so_many_and_brings_each_to_everybody_who_races(crowd: Crowd) -> None:
    many = [Question(number, "?") for number in range(MOST_WAITING + 3)]
    assert [crowd.ask(question) for question in many].count(False) == 3
    assert crowd.waiting == MOST_WAITING
    first: list[int] = []
    second: list[int] = []

    def take(into: list[int], question: Question) -> bool:
        into.append(question.number)
        return True

    with crowd.hosted(lambda question: take(first, question)):
        assert first == list(range(MOST_WAITING)) and crowd.waiting == 0
        with crowd.hosted(lambda question: take(second, question)), crowd.hosted(lambda question: False):
            crowd.ask(many[-1])
    assert first[-1] == second[-1] == many[-1].number and len(second) == 1
    crowd.ask(many[0])
    assert crowd.waiting == 1
