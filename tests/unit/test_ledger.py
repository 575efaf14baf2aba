"""The ledger: figures that follow from documents, known exactly in a race whose truth is known."""

import pytest
from story import ROUND_SECONDS, SECOND, TOKENS_PER_SECOND, WATTS, Teller, start, story

from engine.documents import Document, Mark, MarkKind, Stop, decode, encode
from engine.ledger import Ledger
from engine.outcome import outcome


def ledger_of(documents: list[Document]) -> Ledger:
    ledger = Ledger()
    for document in documents:
        ledger.add(document)
    return ledger


def test_each_arm_has_its_true_figures() -> None:
    ledger = ledger_of(story())
    for label in "AB":
        figures = ledger.figures(label)
        assert figures.rounds == 2
        assert figures.power_mean_watts == pytest.approx(WATTS[label], rel=1e-6)
        assert figures.power_peak_watts == WATTS[label]
        assert figures.units_per_second == pytest.approx(TOKENS_PER_SECOND[label], rel=0.005)
        assert figures.joules_per_unit == pytest.approx(WATTS[label] / TOKENS_PER_SECOND[label], rel=0.005)
        assert 2 * (ROUND_SECONDS - 0.35) < figures.seconds < 2 * ROUND_SECONDS
        assert figures.running == 0 and figures.reasons == ["simulated"]


def test_energy_above_idle_takes_the_baseline_off() -> None:
    ledger = ledger_of(story())
    assert ledger.rig.idle_watts == {"gpu0": pytest.approx(80.0, rel=1e-6)}
    arm = ledger.summaries()[0]
    above = (WATTS["A"] - 80.0) * arm["seconds"]
    assert arm["energy_above_idle_joules"] == pytest.approx(above, rel=1e-6)


def test_steady_state_leaves_filling_and_draining_out_but_the_total_has_them() -> None:
    arm = ledger_of(story())
    books = arm.arms["B"].rounds[0]
    figures = books.settled
    assert figures is not None and figures.total is not None and books.ends_ns is not None
    steady, total = figures.steady, figures.total
    assert steady.start_ns >= books.begun_ns + SECOND // 20
    assert steady.end_ns <= books.ends_ns
    assert (total.start_ns, total.end_ns) == (books.begun_ns, books.drained_ns)
    assert total.units > steady.units and total.requests == 1
    assert steady.energy_joules is not None and total.energy_joules is not None
    assert total.energy_joules == pytest.approx(WATTS["B"] * total.seconds, rel=0.01)
    assert total.energy_joules > steady.energy_joules
    joules_per_request = figures.value("joules_per_request")
    assert joules_per_request == total.energy_joules
    assert steady.as_dict("token")["joules_per_total_token"] == steady.joules_per_unit  # the prompt came before
    assert total.as_dict("token")["joules_per_total_token"] == total.energy_joules / (total.units + 5)


def test_the_verdict_says_which_and_how_much() -> None:
    verdict = ledger_of(story(rounds="ABBAABBA")).verdict()
    assert verdict is not None and verdict.metric == "joules_per_token" and verdict.decided
    assert verdict.ratio == pytest.approx((400 / 500) / (300 / 100), rel=0.01)
    assert "B uses 73 % less energy per token" in verdict.text


def test_without_a_power_sensor_joules_are_unknown_and_tokens_decide() -> None:
    ledger = ledger_of(story(power=False, rounds="ABBAABBA"))
    figures = ledger.figures("B")
    assert figures.joules_per_unit is None and figures.power_mean_watts is None and figures.energy_joules is None
    assert figures.units_per_second == pytest.approx(500, rel=0.005)
    verdict = ledger.verdict()
    assert verdict is not None and verdict.metric == "tokens_per_second" and verdict.ratio == pytest.approx(5, rel=0.01)


def test_the_same_documents_give_the_same_figures_to_the_last_bit() -> None:
    told = story()
    again = [decode(encode(document)) for document in told]
    assert outcome(ledger_of(told), None) == outcome(ledger_of(again), None)


def test_live_figures_follow_the_running_round() -> None:
    teller, ledger = Teller(), Ledger()
    for document in [start(), *story(stop=False, rounds="")[1:4]]:
        ledger.add(document)
    for document in teller.round("A", 1):
        ledger.add(document)
        if isinstance(document, Mark) and document.kind == MarkKind.ROUND_END:
            break
        if ledger.current_rounds and ledger.newest_t_ns > 2 * SECOND:
            watts, tokens = ledger.live("A", ledger.newest_t_ns)
            assert watts == pytest.approx(300.0)
            assert tokens == pytest.approx(100, abs=7)
            assert ledger.live("B", ledger.newest_t_ns) == (None, None)
    assert ledger.current_rounds == []
    watts, tokens = ledger.live("A", ledger.newest_t_ns)
    assert watts == pytest.approx(300.0) and tokens == pytest.approx(100, rel=0.01)


def test_what_a_race_stops_by_is_chosen_once() -> None:
    """By the energy, since there was one: that it becomes doubtful is no reason to look at the speed instead."""
    told = story(rounds="ABBAABBA", stop=False)
    ledger = ledger_of(told[: len(told) // 4])
    assert not ledger.decided_for_good() and ledger.metric() == "joules_per_token"
    foreign = {"code": "foreign_process", "device": "gpu0", "open": True}
    for document in (*told[len(told) // 4 :], Mark(kind=MarkKind.WARNING, t_ns=1, data=foreign)):
        ledger.add(document)
    ledger.add(Stop(t_ns=ledger.newest_t_ns + SECOND, exit_status="success"))
    assert ledger.metric() == "tokens_per_second" and not ledger.decided_for_good()
    assert ledger.verdicts("tokens_per_second")[0].decided_for_good, "which would have stopped it"


def test_a_race_may_stop_when_every_contender_is_told_from_the_first_arm() -> None:
    assert not ledger_of(story(rounds="AB")).decided_for_good()
    assert ledger_of(story(rounds="ABBAABBA")).decided_for_good()


def test_a_new_start_begins_new_books() -> None:
    ledger = ledger_of([*story(), start()])
    assert ledger.state == "preparing" and ledger.stop is None
    assert ledger.figures("A").units == 0 and ledger.verdict() is None


def test_an_incomplete_round_is_said_and_kept_out_of_the_verdict() -> None:
    teller = Teller()
    told = story(stop=False)
    teller.t_ns = 30 * SECOND
    told += list(teller.round("A", 5, complete=False))
    ledger = ledger_of(told)
    assert "incomplete_round" in ledger.figures("A").reasons
    verdict = ledger.verdict()
    assert verdict is not None and verdict.rounds == 2


def test_marks_of_arms_and_rounds_that_nobody_announced_are_passed_over() -> None:
    ledger = ledger_of(story(stop=False))
    before = ledger.figures("A")
    for kind in MarkKind:
        ledger.add(Mark(kind=kind, t_ns=40 * SECOND, arm="Z", round=9, request=99))
    assert ledger.figures("A") == before


def test_finished_rounds_keep_no_samples() -> None:
    ledger = ledger_of(story(rounds="ABBA" * 4))
    assert len(ledger.rig.meters["gpu0"].instant.t_ns) < 1000
    assert all(books.work is None for books in ledger.arms["A"].rounds)
