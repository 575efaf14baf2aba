"""The bet: what is taken, what is shown, and who was closest; nicknames and histograms."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from story import story

from engine.documents import Document
from engine.errors import WattraceError
from engine.ledger import Ledger
from server.audience.bet import MOST_GUESSES, MOST_JOULES, Answer, BadGuess, Bet, NotOpen, Subject, WrongStep
from server.audience.histogram import MOST_BARS, histogram
from server.audience.nicknames import LONGEST, BadNickname, nickname
from server.audience.saving import saving, subject

SUBJECT = Subject(baseline="A", contender="B")
guesses = st.floats(-MOST_JOULES, MOST_JOULES)


def open_bet() -> Bet:
    bet = Bet()
    bet.open(SUBJECT)
    return bet


# -- the bet


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 30), guesses), max_size=60), st.one_of(st.none(), guesses))
def test_whatever_is_guessed_each_phone_counts_once_and_the_closest_are_the_closest(
    entered: list[tuple[int, float]], measured: float | None
) -> None:
    bet = open_bet()
    for phone, joules in entered:
        bet.guess(f"phone {phone}", "", joules)
    newest = {phone: round(joules, 2) for phone, joules in entered}
    bet.reveal(Answer(measured, why="" if measured is not None else "not measured"))
    shown = bet.payload()
    assert shown is not None and shown["guesses"] == len(newest)
    counts = shown["histogram"]["counts"] if shown["histogram"] else []
    assert sum(counts) == len(newest)
    if measured is None:
        assert shown["closest"] == [] and shown["answer"] is None and shown["why"]
        return
    best = sorted(abs(joules - measured) for joules in newest.values())[:3]
    assert [abs(each["guess"] - measured) for each in shown["closest"]] == best
    for phone, joules in newest.items():
        mine = bet.mine(f"phone {phone}")
        assert mine is not None and mine["guess"] == joules
        assert mine["closer"] == sum(abs(other - measured) < abs(joules - measured) for other in newest.values())


def test_of_equals_who_came_first_is_named_first() -> None:
    bet = open_bet()
    for name, joules in (("late", 99.0), ("early", 101.0), ("far", 1.0), ("later", 101.0)):
        bet.guess(name, name, joules)
    bet.guess("late", "late", 101.0)  # who changes a guess comes last again
    bet.reveal(Answer(101.0))
    assert [each["nickname"] for each in (bet.payload() or {})["closest"]] == ["early", "later", "late"]


def test_whom_the_hall_would_see_named_the_presenter_can_take_out_however_many_guess() -> None:
    bet = open_bet()
    troll = bet.guess("troll", "rude words", 100.0).id
    for number in range(500):
        bet.guess(str(number), "", 1000.0 + number)
    before = bet.listed(99.0)
    assert before[0] == {"id": troll, "nickname": "rude words", "guess": 100.0, "near": True}
    assert [each["near"] for each in before].count(True) == 10 and before[10]["guess"] == 1499.0, "then the newest"
    bet.reveal(Answer(99.0))
    assert (bet.payload() or {})["closest"][0]["id"] == troll == bet.listed(99.0)[0]["id"]
    assert bet.remove(troll) and troll not in {each["id"] for each in bet.listed(99.0)}


def test_guesses_are_taken_while_it_is_open_and_at_no_other_time() -> None:
    bet = Bet()
    with pytest.raises(NotOpen):
        bet.guess("a", "", 1)
    assert bet.payload() is None
    bet.open(SUBJECT)
    bet.guess("a", "Ada", 1)
    bet.close()
    for wrong in (bet.close, lambda: bet.guess("a", "", 2)):
        with pytest.raises(WattraceError):
            wrong()
    bet.open(SUBJECT)  # again: what was guessed stays
    assert bet.mine("a") == {"nickname": "Ada", "guess": 1}
    bet.reveal(Answer(5.0))
    with pytest.raises(NotOpen):
        bet.guess("a", "", 2)
    bet.open(SUBJECT)  # a new one
    assert bet.mine("a") is None and (bet.payload() or {})["answer"] is None
    bet.end()
    assert bet.payload() is None
    with pytest.raises(WrongStep):
        bet.reveal(Answer(5.0))


def test_what_the_presenter_takes_out_does_not_come_back_as_another_guess() -> None:
    bet = open_bet()
    rude = bet.guess("rude", "rude", 1).id
    fine = bet.guess("fine", "fine", 2).id
    assert rude != fine and [each["id"] for each in bet.listed(None)] == [fine, rude]
    assert bet.remove(rude) and not bet.remove(rude)
    with pytest.raises(BadGuess):
        bet.guess("rude", "nice", 3)
    assert bet.guess("third", "", 4).id not in {rude, fine}
    assert (bet.payload() or {})["guesses"] == 2


@pytest.mark.parametrize("joules", [float("nan"), float("inf"), -float("inf"), 1.1e6])
def test_what_is_no_number_of_joules_is_no_guess(joules: float) -> None:
    with pytest.raises(BadGuess):
        open_bet().guess("a", "", joules)


def test_memory_and_stream_are_bounded_however_many_guess() -> None:
    bet = open_bet()
    for phone in range(MOST_GUESSES):
        bet.guess(str(phone), "漢" * LONGEST, (-1) ** phone * phone * 500.0)
    bet.guess("one more", "", 1)
    told = bet.payload()
    assert told is not None and told["guesses"] == MOST_GUESSES and bet.mine("one more")
    bet.reveal(Answer(123456.78, -99999.99, 99999.99, simulated=True))
    assert len(json.dumps(bet.payload()).encode()) < 1400
    assert len(bet.listed(None)) == len(bet.listed(0.0)) == 100


def test_who_has_many_numbers_displaces_his_own_guesses_and_nobody_elses() -> None:
    bet = open_bet()
    hall = [f"phone {number}" for number in range(500)]
    flood = iter(f"flood {number}" for number in range(20_000))

    def swamp(guesses: int) -> None:
        for _ in range(guesses):
            bet.guess(next(flood), "", 0, "10.0.0.66")

    for phone in hall[:250]:
        bet.guess(phone, "", 100, f"10.0.1.{phone}")
    swamp(3000)
    for phone in hall[250:]:
        bet.guess(phone, "", 100, f"10.0.1.{phone}")
    swamp(3000)
    assert all(bet.mine(phone) for phone in hall)
    told = bet.payload()
    assert told is not None and told["guesses"] == MOST_GUESSES
    assert len({each["id"] for each in bet.listed(None)}) == 100


# -- histograms and nicknames


@given(st.lists(guesses, min_size=1, max_size=80), st.lists(st.one_of(st.none(), guesses), max_size=3))
def test_bars_are_few_and_round_and_hold_everything(values: list[float], also: list[float | None]) -> None:
    made = histogram(values, also)
    assert made is not None
    edges, counts = made["edges"], made["counts"]
    assert 5 <= len(counts) <= MOST_BARS and len(edges) == len(counts) + 1
    steps = [after - before for before, after in pairwise(edges)]
    assert max(steps) - min(steps) <= 1e-5 * max(1, abs(edges[0]), abs(edges[-1])) and min(steps) > 0
    assert sum(counts) == len(values)
    assert made["below"] == sum(value < edges[0] for value in values)
    assert made["above"] == sum(value >= edges[-1] for value in values)
    assert all(edges[0] <= value <= edges[-1] for value in also if value is not None), "the answer and its interval"


def test_one_joker_does_not_press_all_others_into_one_bar() -> None:
    made = histogram([*(400.0 + 10 * n for n in range(40)), 999_999.0])
    assert made is not None and made["edges"][-1] <= 1000 and made["above"] == 1
    assert histogram([]) is None


@given(st.text(max_size=60))
def test_a_nickname_is_one_short_line_of_what_can_be_seen_or_refused(given_name: str) -> None:
    try:
        shown = nickname(given_name)
    except BadNickname as error:
        assert str(error)
        return
    assert len(shown) <= LONGEST and shown == shown.strip() and "\n" not in shown
    assert all(char.isprintable() for char in shown)


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("<b>Bob</b>", "<b>Bob</b>"),
        ("a\u202eb\u200bc\x00d\n", "abcd"),
        ("Z" + "\u0310" * 40, "Z\u0310\u0310"),
        ("", ""),
        ("ﬁn", "fin"),
    ],
)
def test_what_a_nickname_becomes(given_name: str, shown: str) -> None:
    assert nickname(given_name) == shown


@pytest.mark.parametrize("given_name", ["x" * 21, "x" * 1000, "...", "\u0301\u0301"])
def test_a_nickname_that_cannot_be_shown_is_refused(given_name: str) -> None:
    with pytest.raises(BadNickname):
        nickname(given_name)


# -- the measured answer


def ledger_of(documents: list[Document]) -> Ledger:
    ledger = Ledger()
    for document in documents:
        ledger.add(document)
    return ledger


def test_the_answer_is_the_verdicts_difference_at_the_first_arms_energy() -> None:
    ledger = ledger_of(story(rounds="ABBA"))  # A: 300 W at 100 tokens a second, B: 400 W at 500
    found = saving(ledger, simulated=True)
    assert found.joules == pytest.approx(1000 * (3.0 - 0.8), rel=0.01)
    assert found.low is not None and found.high is not None and found.low <= found.joules <= found.high
    assert found.simulated and not found.replay and found.run == "20261121-093012-story-0000" and not found.why
    [verdict] = ledger.verdicts("joules_per_token")
    assert found.low / found.joules == pytest.approx((1 - (verdict.high or 0)) / (1 - verdict.ratio), rel=1e-3)


def test_what_was_not_measured_is_said_to_be_unknown() -> None:
    for ledger in (Ledger(), ledger_of(story(rounds="AB")), ledger_of(story(rounds="ABBA", power=False))):
        found = saving(ledger)
        assert found.joules is None and found.low is None and found.why.startswith("not measured")


def test_the_question_names_the_arms_that_it_is_about() -> None:
    arms = [{"label": label, "name": f"arm {label}"} for label in "ABC"]
    assert subject(Ledger(), arms[:1]) is None
    two, three = subject(Ledger(), arms[:2]), subject(Ledger(), arms)
    assert two is not None and three is not None
    assert two.question == "How many joules does B save against A, per 1\u202f000 tokens?"
    assert three.question == "How many joules does the best arm save against A, per 1\u202f000 tokens?"
