"""Which energy decides anything: what a sensor contradicts does not, and a whole round has reasons of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from story import SECOND, story

from engine.books import ArmBooks, Instruments, RoundBooks, summary
from engine.devices import Devices
from engine.documents import ArmInfo, Descriptor, Document, Mark, MarkKind, Page, Start
from engine.energy import EnergyMeter, WindowEnergy
from engine.ledger import Ledger
from engine.recording.turns import rounds_table
from engine.validity import Reason, is_valid


def ledger_of(documents: list[Document]) -> Ledger:
    ledger = Ledger()
    for document in documents:
        ledger.add(document)
    return ledger


def rounds_of(documents: list[Document]) -> list[tuple[int, int, int]]:
    """Begin, cutoff and drained of every round."""
    marks = [document for document in documents if isinstance(document, Mark)]
    begun = [mark.t_ns for mark in marks if mark.kind == MarkKind.ROUND_BEGIN]
    over = [(mark.t_ns, mark.end_t_ns or 0) for mark in marks if mark.kind == MarkKind.ROUND_END]
    return [(begin, *end) for begin, end in zip(begun, over, strict=True)]


def without_average(documents: list[Document], begin_ns: int = 0, end_ns: int = 0, gain: float = 1.0) -> list[Document]:
    """The board has no average field (A100, V100), and between these times its instant field reads `gain` times."""
    told: list[Document] = []
    for document in documents:
        if isinstance(document, Page) and document.stream == "gpu0":
            inside = [begin_ns <= t_ns <= end_ns for t_ns in document.t_ns]
            watts = zip(document.data["power_instant_watts"], inside, strict=True)
            instant = [cell * gain if within else cell for cell, within in watts]
            data = {"power_instant_watts": instant, "energy_joules": document.data["energy_joules"]}
            document = document.model_copy(update={"data": data})  # noqa: PLW2901  # told on as changed
        told.append(document)
    return told


def test_a_round_whose_counter_nobody_backs_decides_nothing_and_says_why() -> None:
    told = story(rounds="ABBAABBA")
    begun, cutoff, _ = rounds_of(told)[0]
    ledger = ledger_of(without_average(told, begun, cutoff, 1.2))
    first, second = (books.settled for books in ledger.arms["A"].rounds[:2])
    assert first is not None and first.steady.energy is not None and not first.steady.energy.valid
    assert Reason.COUNTER_INSTANT_DISAGREE in first.reasons and Reason.COUNTER_INSTANT_DISAGREE.weight == "doubt"
    assert [first.value(f"joules_per_{each}") for each in ("token", "request")] == [None, None]
    assert first.value("tokens_per_second") is not None, "only its energy is in doubt"
    assert second is not None and second.value("joules_per_token") is not None
    for metric, rounds in (("joules_per_token", 3), ("tokens_per_second", 4)):
        assert [verdict.rounds for verdict in ledger.verdicts(metric)] == [rounds]
    (arm, _) = ledger.summaries(rounds=True)
    assert [each["steady"].get("valid") for each in arm["per_round"]] == [False, None, None, None]


# -- the whole round


def with_reset(documents: list[Document], at_ns: int) -> list[Document]:
    """The counter begins again from zero at `at_ns`."""
    told: list[Document] = []
    for document in documents:
        if isinstance(document, Page) and document.stream == "gpu0":
            cells = zip(document.t_ns, document.data["energy_joules"], strict=True)
            joules = [cell - 5000.0 if t_ns > at_ns else cell for t_ns, cell in cells]
            document = document.model_copy(update={"data": {**document.data, "energy_joules": joules}})  # noqa: PLW2901  # told on as changed
        told.append(document)
    return told


def test_a_reset_while_a_round_drains_is_told_of_its_total_alone() -> None:
    told = without_average(story(rounds="ABBA"))  # the story's average is no second's mean, where its power steps
    _, cutoff, _ = rounds_of(told)[2]
    ledger = ledger_of(with_reset(told, cutoff))
    before, after = (books.settled for books in ledger.arms["B"].rounds)
    assert before is not None and after is not None and after.total is not None
    assert after.reasons == () and after.total.reasons == (Reason.COUNTER_RESET,)
    assert after.value("joules_per_request") is not None, "bridged, and doubtful only"
    assert after.as_dict()["total"]["reasons"] == {"counter_reset": 1} and "reasons" not in before.as_dict()["total"]
    arm = ledger.summaries()[1]
    assert arm["total"]["reasons"] == {"counter_reset": 1} and arm["reasons"] == ["simulated"]
    assert "reasons" not in arm["steady"]


@dataclass(frozen=True)
class Sensors(Devices):
    """A device that says what it is told to say."""

    meters: Sequence[EnergyMeter] = ()
    steady: tuple[Reason, ...] = ()
    whole: tuple[Reason, ...] = ()
    joules: float | None = 1000.0

    def __bool__(self) -> bool:
        return True

    def snapped(self, start_ns: int, end_ns: int, *, quick: bool = False) -> WindowEnergy:
        return WindowEnergy(start_ns, end_ns, 900.0, 1.0, "counter", is_valid(self.steady), self.steady)

    def given(self, start_ns: int, end_ns: int) -> WindowEnergy:
        valid = is_valid(self.whole) and self.joules is not None
        return WindowEnergy(start_ns, end_ns, self.joules, 1.0, "counter", valid, self.whole)


def arm_of(*devices: Devices) -> ArmBooks:
    """An arm with a round of ten tokens and one answer on each of these."""
    arm = ArmBooks(ArmInfo(label="A", name="one", runtime="simulated"))
    for number, each in enumerate(devices, start=1):
        begun = number * 10 * SECOND
        books = RoundBooks(number, begun, begun + 4 * SECOND, 1)
        arm.begin(books)
        arm.submitted(number, begun, number, "Why?")
        arm.first_token(number, begun + SECOND)
        arm.chunks([(begun + SECOND * k, number, 5) for k in (2, 3)])
        arm.ended(number, completion_tokens=10)
        books.cutoff_ns, books.drained_ns = begun + 4 * SECOND, begun + 5 * SECOND
        arm.instruments = Instruments(each)
        arm.settle(begun + 6 * SECOND)
    return arm


def test_a_total_that_is_not_valid_is_no_answers_energy_and_spoils_nothing_else() -> None:
    found = arm_of(Sensors(whole=(Reason.WINDOW_TOO_SHORT,)), Sensors())
    bad, good = found.round_figures(0)
    assert (bad.value("joules_per_request"), good.value("joules_per_request")) == (None, 1000.0)
    assert bad.value("joules_per_token") == good.value("joules_per_token") == 90.0
    spoilt, whole = bad.as_dict()["total"], good.as_dict()["total"]
    assert spoilt["valid"] is False and spoilt["reasons"] == {"window_too_short": 1}
    assert spoilt["joules_per_request"] is None and spoilt["energy_joules"] == 1000.0, "told, with what is against it"
    assert "valid" not in whole and whole["joules_per_request"] == 1000.0
    arm = summary(found, 0)
    assert arm["total"]["joules_per_request"] is None and arm["total"]["reasons"] == {"window_too_short": 1}
    assert arm["reasons"] == [] and arm["joules_per_token"] == 90.0


def test_why_a_totals_energy_is_unknown_is_told() -> None:
    (figures,) = arm_of(Sensors(whole=(Reason.GAP,), joules=None)).round_figures(0)
    total = figures.as_dict()["total"]
    assert total["energy_joules"] is None and total["reasons"] == {"gap": 1} and figures.reasons == ()


def test_what_is_said_of_a_total_goes_into_tables_as_numbers() -> None:
    found = summary(arm_of(Sensors(whole=(Reason.WINDOW_TOO_SHORT,)), Sensors(), Sensors()), 0, rounds=True)
    assert found["total"]["reasons"] == {"window_too_short": 1}
    marks = [Mark(kind=MarkKind.ROUND_BEGIN, t_ns=0, arm="A", round=number, data={"slots": 1}) for number in (1, 2, 3)]
    table = rounds_table(marks, {"arms": [found]})
    assert {table[f"total_{name}"].dtype.kind for name in ("reasons_window_too_short", "valid")} <= set("if")


# -- rounds that nobody measured


def without_power(documents: list[Document], begin_ns: int, end_ns: int) -> list[Document]:
    """The sensor is silent between these times."""
    return [
        document
        for document in documents
        if not (isinstance(document, Page) and document.stream == "gpu0" and begin_ns < document.t_ns[-1] <= end_ns)
    ]


def test_the_energy_of_some_rounds_never_stands_beside_the_tokens_of_all() -> None:
    told = story(rounds="ABBA")
    begun, _, drained = rounds_of(told)[3]
    ledger = ledger_of(without_power(told, begun, drained))
    (one, other), whole = ledger.summaries(rounds=True), ledger_of(told).summaries()[0]
    assert [each["steady"]["energy_joules"] is None for each in one["per_round"]] == [False, True]
    assert one["tokens"] == pytest.approx(whole["tokens"], rel=0.1), "of both rounds"
    for name in ("energy_joules", "energy_above_idle_joules", "uncertainty_joules"):
        assert one[name] is None and other[name] is not None, name
    assert "gap" in one["reasons"], "and why is said"
    assert one["joules_per_token"] == pytest.approx(whole["joules_per_token"], rel=0.01), "of the round that is known"
    figures = ledger.figures("A")
    assert figures.energy_above_idle_joules is None
    assert figures.energy_joules == pytest.approx(figures.joules_per_unit * figures.measured_units)
    assert figures.measured_units == pytest.approx(figures.units / 2, rel=0.1) and not figures.is_whole
    assert ledger.metric() == "joules_per_token" and ledger.figures("B").is_whole


# -- a sensor that sees more than the arm


@pytest.mark.parametrize(("kind", "reason"), [("mig", "whole_board"), ("rapl", "whole_package")])
def test_a_sensor_that_sees_more_than_the_arm_is_told_of_each_round_and_forbids_nothing(kind: str, reason: str) -> None:
    told = story(rounds="ABBA")
    for at, document in enumerate(told):
        if isinstance(document, Start) and kind == "mig":
            boards = {"devices": {"devices": [{"uuid": "GPU-0", "mig": True}, {"uuid": "GPU-1", "mig": False}]}}
            told[at] = document.model_copy(update={"provenance": boards})
        elif isinstance(document, Descriptor) and document.stream == "gpu0":
            told[at] = document.model_copy(update={"device": "GPU-0", "source": "rapl" if kind == "rapl" else "nvml"})
    ledger, plain = ledger_of(told), ledger_of(story(rounds="ABBA"))
    for arm, without in zip(ledger.summaries(rounds=True), plain.summaries(rounds=True), strict=True):
        assert set(arm["reasons"]) - set(without["reasons"]) == {reason}
        assert [each["reasons"] for each in arm["per_round"]] == [[reason]] * 2, "of every round"
        assert [each["reasons"] for each in without["per_round"]] == [[]] * 2
        assert arm["steady"]["joules_per_token"] == without["steady"]["joules_per_token"] is not None
    assert ledger.verdicts("joules_per_token")[0].rounds == 2
