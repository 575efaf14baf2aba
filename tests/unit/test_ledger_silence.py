"""A race whose GPU falls silent, hangs, or loses its sampler: no round's figures pass for whole."""

from collections.abc import Iterator

import pytest
from story import MS, SECOND, Teller, descriptors, start, story

from engine.documents import Document, Mark, MarkKind, Page, Stop
from engine.ledger import Ledger
from engine.validity import Reason


def ledger_of(documents: list[Document]) -> Ledger:
    ledger = Ledger()
    for document in documents:
        ledger.add(document)
    return ledger


def race(rounds: str = "ABBA", *, silent_from_s: float = 1e9, columns: tuple[str, ...] = ()) -> Iterator[Document]:
    """A story whose GPU tells nothing more from a time on; with `columns`, only those."""
    for document in story(rounds=rounds):
        if isinstance(document, Page) and document.stream == "gpu0":
            if document.t_ns[0] >= silent_from_s * SECOND:
                continue
            kept = {name: column for name, column in document.data.items() if not columns or name in columns}
            yield document.model_copy(update={"data": kept})
        else:
            yield document


@pytest.mark.parametrize("columns", [(), ("power_instant_watts",)], ids=["counter", "no counter"])
def test_a_gpu_that_falls_silent_within_a_round_takes_its_energy_and_that_of_all_later_ones(
    columns: tuple[str, ...],
) -> None:
    ledger = ledger_of(list(race(silent_from_s=7.0, columns=columns)))
    a, b = ledger.arms["A"].rounds, ledger.arms["B"].rounds
    for books in (b[0], b[1], a[1]):  # B's first is from 5.1 to 9.1 s
        assert books.settled is not None and Reason.GAP in books.settled.reasons
        assert books.settled.steady.energy is None and books.settled.value("joules_per_token") is None
        assert books.settled.steady.units_per_second, "its tokens are known all the same"
    first = a[0].settled
    assert first is not None and first.reasons == () and first.steady.energy_joules is not None
    assert ledger.figures("B").energy_joules is None and "gap" in ledger.figures("B").reasons


def test_of_a_gpu_that_is_silent_now_the_live_figures_say_so() -> None:
    teller, ledger = Teller(), ledger_of([start(), *descriptors()])
    reasons = []
    for document in teller.round("A", 1):
        if isinstance(document, Page) and document.stream == "gpu0" and document.t_ns[0] > 2 * SECOND:
            continue
        ledger.add(document)
        reasons.append((ledger.newest_t_ns, "gap" in ledger.figures("A").reasons))
    assert not any(told for t_ns, told in reasons if t_ns < 2.9 * SECOND)
    assert all(told for t_ns, told in reasons if t_ns > 3.2 * SECOND)


HANG = {"stream": "gpu0", "device": "GPU-1"}
HANGS = Mark(kind=MarkKind.WARNING, t_ns=3 * SECOND, text="hangs", data={**HANG, "since_t_ns": 2 * SECOND})
ANSWERS = Mark(kind=MarkKind.GAP, t_ns=2 * SECOND, end_t_ns=4 * SECOND, text="answers again", data=HANG)


def told_at(marks: dict[float, Mark]) -> Iterator[Document]:
    """A story with marks that become known at so many seconds. Rounds are from 1 to 5.1 s, 5.1 to 9.2 s, and so on."""
    waiting = sorted(marks.items())
    for document in story():
        now = document.t_ns[-1] if isinstance(document, Page) else getattr(document, "t_ns", 0)
        while waiting and now > waiting[0][0] * SECOND:
            yield waiting.pop(0)[1]
        yield document


@pytest.mark.parametrize(
    ("marks", "flagged"),
    [({3.0: HANGS, 4.0: ANSWERS}, "A1"), ({3.0: HANGS, 6.0: ANSWERS}, "A1"), ({3.0: HANGS}, "A1 B2 B3 A4")],
    ids=["answers in time", "answers in the next round", "never answers"],
)
def test_a_hang_is_in_the_figures_of_the_rounds_that_it_touches(marks: dict[float, Mark], flagged: str) -> None:
    ledger = ledger_of(list(told_at(marks)))
    rounds = [(books.number, label, books.settled) for label in "AB" for books in ledger.arms[label].rounds]
    found = [
        f"{label}{number}"
        for number, label, settled in sorted(rounds, key=lambda row: row[0])
        if settled and "gap" in settled.reasons
    ]
    assert found == flagged.split()


def test_a_hang_of_another_device_is_none_of_this_arms() -> None:
    other = Mark(kind=MarkKind.GAP, t_ns=2 * SECOND, end_t_ns=4 * SECOND, data={"stream": "gpu7"})
    assert ledger_of([*story(), other]).figures("A").reasons == ["simulated"]


def test_a_sampler_that_died_is_in_all_figures_from_then_on() -> None:
    told = story()
    died = Mark(kind=MarkKind.WARNING, t_ns=told[-1].t_ns - 100 * MS, text="died", data={"code": "sampler_died"})
    ledger = ledger_of([*told[:-1], died, Stop(t_ns=died.t_ns + SECOND, exit_status="success")])
    assert "gap" in ledger.figures("A").reasons and "gap" not in ledger.figures("B").reasons
