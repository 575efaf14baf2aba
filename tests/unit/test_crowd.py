"""The audience's load: what is taken, what became of it, and that no verdict counts it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from story import MS, start, story

from engine.clock import NS, FakeClock
from engine.documents import Document, Mark, MarkKind, Page, Stop
from engine.ledger import Ledger
from engine.workload import STAGE
from server.audience.crowd import EVERY_SECONDS, MOST_NEAR, MOST_PENDING, OFFERED, BadPrompt, Crowd, Shut, TooSoon
from server.audience.phones import Limiter


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NS)


@pytest.fixture
def crowd(clock: FakeClock) -> Crowd:
    crowd = Crowd(clock)
    crowd.set_open(True)
    return crowd


def mark(kind: MarkKind, request: int, **fields: object) -> Mark:
    return Mark(kind=kind, t_ns=0, arm="B", round=1, request=request, **fields)


def asked(crowd: Crowd, number: int, request: int) -> None:
    crowd.add(mark(MarkKind.REQUEST_SUBMITTED, request, text="Why?", data={"crowd": number}))


def test_it_is_off_until_it_is_opened_and_offers_other_questions_each_time(clock: FakeClock) -> None:
    crowd = Crowd(clock)
    assert crowd.payload() is None
    with pytest.raises(Shut):
        crowd.ask("phone", 0)
    crowd.set_open(True)
    first = crowd.prompts
    assert len(set(first)) == OFFERED and set(first) <= set(STAGE)
    crowd.set_open(True)
    assert crowd.prompts == first, "opening what is open changes nothing"
    crowd.set_open(False)
    assert crowd.payload() is None
    crowd.set_open(True)
    assert crowd.prompts != first
    for index in (-1, OFFERED):
        with pytest.raises(BadPrompt):
            crowd.ask("phone", index)


def test_who_has_many_numbers_leaves_places_to_the_others(crowd: Crowd) -> None:
    for number in range(MOST_NEAR):
        crowd.ask(f"flood {number}", 0, "10.0.0.66")
    with pytest.raises(TooSoon):
        crowd.ask("flood", 0, "10.0.0.66")
    for number in range(MOST_PENDING - MOST_NEAR):
        crowd.ask(f"phone {number}", 0, f"10.0.1.{number}")
    with pytest.raises(TooSoon):
        crowd.ask("one more", 0, "10.0.1.200")


def test_a_phone_follows_its_question_to_the_last_word(crowd: Crowd) -> None:
    first, second = crowd.ask("one", 0), crowd.ask("two", 1)
    mine = crowd.mine("two")
    assert mine is not None and (mine["state"], mine["ahead"], mine["again_seconds"]) == ("waiting", 1, EVERY_SECONDS)
    asked(crowd, first.number, 71)
    asked(crowd, second.number, 72)
    crowd.add(mark(MarkKind.REQUEST_FIRST_TOKEN, 72))
    crowd.add(Page(stream="text.B", t_ns=[1, 2, 3], data={"request": [72, 70, 72], "text": ["Be", "x", "cause"]}))
    mine = crowd.mine("two")
    assert mine is not None and (mine["state"], mine["arm"], mine["text"]) == ("answering", "B", "Because")
    shown = crowd.payload()
    assert shown is not None and (shown["sent"], shown["running"], shown["most"], shown["waiting"]) == (2, 1, 1, 1)
    crowd.add(mark(MarkKind.REQUEST_FINISHED, 72, data={"completion_tokens": 2}))
    crowd.add(mark(MarkKind.REQUEST_FAILED, 71, state="withdrawn"))
    states = [(crowd.mine(phone) or {})["state"] for phone in ("one", "two")]
    assert states == ["waiting", "answered"], "what had no slot is asked again in the next round"
    asked(crowd, first.number, 80)
    crowd.add(mark(MarkKind.REQUEST_FAILED, 80, text="HTTP 500"))
    assert (crowd.mine("one") or {})["state"] == "failed"
    assert (crowd.payload() or {})["answered"] == 1


def test_a_phone_waits_for_its_answer_and_for_a_while(crowd: Crowd, clock: FakeClock) -> None:
    question = crowd.ask("one", 0)
    with pytest.raises(TooSoon):
        crowd.ask("one", 1)
    clock.advance(EVERY_SECONDS + 1)
    with pytest.raises(TooSoon):  # its answer is not there yet
        crowd.ask("one", 1)
    asked(crowd, question.number, 5)
    crowd.add(mark(MarkKind.REQUEST_FINISHED, 5, data={}))
    crowd.ask("one", 1)


def test_no_more_are_taken_than_are_answered_and_the_lost_are_given_up(crowd: Crowd, clock: FakeClock) -> None:
    for phone in range(MOST_PENDING):
        crowd.ask(str(phone), phone % OFFERED)
    with pytest.raises(TooSoon) as refused:
        crowd.ask("one too many", 0)
    assert refused.value.seconds > 0
    clock.advance(200)
    crowd.ask("one too many", 0)
    assert (crowd.mine("0") or {})["state"] == "failed"


def test_a_new_run_and_an_end_forget_what_was_on_its_way(crowd: Crowd) -> None:
    crowd.ask("one", 0)
    crowd.add(Stop(t_ns=9, exit_status="abort"))
    assert (crowd.mine("one") or {})["state"] == "failed"
    crowd.add(start())
    assert crowd.mine("one") is None and (crowd.payload() or {})["sent"] == 0


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.integers(0, 30)), max_size=300))
def test_whatever_phones_and_races_do_it_stays_bounded(events: list[tuple[int, int, int]]) -> None:
    clock = FakeClock(NS)
    crowd = Crowd(clock)
    crowd.set_open(True)
    kinds = [MarkKind.REQUEST_FIRST_TOKEN, MarkKind.REQUEST_FINISHED, MarkKind.REQUEST_FAILED]
    for phone, what, seconds in events:
        clock.advance(seconds)
        if what < 3:
            try:
                asked(crowd, crowd.ask(str(phone), what).number, 1000 + phone)
            except TooSoon:
                continue
        else:
            crowd.add(mark(kinds[what - 3], 1000 + phone))
    shown = crowd.payload()
    assert shown is None or (0 <= shown["running"] + shown["waiting"] <= MOST_PENDING)
    assert len(json.dumps(shown)) < 1000


# -- the verdict


def test_a_round_that_the_audience_worked_on_decides_nothing_and_says_so() -> None:
    def ledger_of(documents: list[Document]) -> Ledger:
        ledger = Ledger()
        for document in documents:
            ledger.add(document)
        return ledger

    documents = story(rounds="ABBAAB")
    before = ledger_of(documents)
    begins = [each for each in documents if isinstance(each, Mark) and each.kind is MarkKind.ROUND_BEGIN]
    third = begins[2]
    at = documents.index(third) + 1
    warning = Mark(kind=MarkKind.WARNING, t_ns=third.t_ns + MS, arm="B", round=3, data={"code": "crowd_load"})
    after = ledger_of([*documents[:at], warning, *documents[at:]])
    assert [v.rounds for v in before.verdicts("joules_per_token")] == [3]
    for metric in ("joules_per_token", "tokens_per_second", "joules_per_request"):
        assert [v.rounds for v in after.verdicts(metric)] == [2]
        assert [value is None for value in after.values("B", metric)] == [False, True, False]
        assert None not in after.values("A", metric)
    assert "crowd_load" in after.figures("B").reasons and "crowd_load" not in after.figures("A").reasons
    assert after.figures("B").units == before.figures("B").units, "its figures still have all its work"


# -- limits


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3 * NS)), max_size=80))
def test_nobody_acts_more_often_than_allowed_and_waiting_as_told_is_enough(acts: list[tuple[str, int]]) -> None:
    limiter, now_ns, done = Limiter(burst=3, per_second=0.5, most=2), 0, dict.fromkeys("abc", 0)
    for key, passed_ns in acts:
        now_ns += passed_ns
        wait = limiter.wait_seconds(key, now_ns)
        if wait == 0:
            done[key] += 1
        else:
            assert limiter.wait_seconds(key, now_ns + round(wait * NS) + 1) == 0
            now_ns += round(wait * NS) + 1
            done[key] += 1
        assert len(limiter) <= 2
    single = Limiter(burst=3, per_second=0.5)
    assert sum(single.wait_seconds("x", 0) == 0 for _ in range(50)) == 3
    assert sum(single.wait_seconds("x", 100 * NS) == 0 for _ in range(50)) == 3
