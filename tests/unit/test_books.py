"""An arm's books: windows of work, what is known against them, and whose energy it is."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from story import MS, ROUND_SECONDS, SECOND, WATTS, Teller, descriptors, start, story

from engine.books import Flow, Spread
from engine.documents import ArmInfo, Column, Descriptor, Document, Mark, MarkKind, Page, Stop
from engine.ledger import Ledger
from engine.validity import Reason


def ledger_of(documents: list[Document]) -> Ledger:
    ledger = Ledger()
    for document in documents:
        ledger.add(document)
    return ledger


def warning(code: str, t_ns: int, end_t_ns: int | None = None, **data: object) -> Mark:
    told = {"code": code, **data}
    return Mark(kind=MarkKind.WARNING, t_ns=t_ns, end_t_ns=end_t_ns, text="w", data=told)


def test_tokens_are_counted_at_their_times_and_progress_is_spread() -> None:
    for continuous, between in ((False, 10.0), (True, 12.5)):
        flow = Flow(continuous=continuous)
        for t_ns in (0, 100, 200, 300):
            flow.add(t_ns, 10)
        assert flow.total == 40 and flow.last_until(250) == 200 and flow.last_until(-1) is None
        assert flow.between(50, 175) == between
        assert flow.between(0, 1000) == (30 if continuous else 40)  # what came by the first word came before it


def test_continuous_work_is_never_counted_after_its_last_word() -> None:
    flow = Flow(continuous=True)
    flow.add(100, 5)
    flow.add(200, 5)
    assert flow.between(200, 900) == 0
    assert flow.between(100, 900) == 5


# -- somebody else on the device


def test_a_foreign_process_takes_the_energy_of_the_rounds_that_it_touches_and_of_no_other() -> None:
    ledger = ledger_of(story(rounds="ABBA"))
    first, last = ledger.arms["A"].rounds
    before = ledger.figures("A")
    assert first.drained_ns is not None
    ledger.add(warning("foreign_process", first.begun_ns, first.begun_ns + SECOND, device="gpu0"))
    after = ledger.figures("A")
    assert "foreign_process" in after.reasons and "foreign_process" not in ledger.figures("B").reasons
    assert first.settled is not None and first.settled.steady.energy is None and first.settled.total is not None
    assert first.settled.total.energy is None
    assert last.settled is not None and last.settled.steady.energy is not None
    assert after.units == before.units and after.energy_joules is not None and before.energy_joules is not None
    assert after.energy_joules == pytest.approx(before.energy_joules / 2, rel=0.02)
    assert after.joules_per_unit == pytest.approx(before.joules_per_unit, rel=0.01)
    assert ledger.summaries()[0]["attributable"] is False and ledger.summaries()[1]["attributable"] is True
    assert ledger.values("A", "joules_per_token")[0] is None and ledger.values("A", "tokens_per_second")[0] is not None


def test_an_open_flag_holds_until_it_is_closed() -> None:
    teller, ledger = Teller(), ledger_of([start(), *descriptors()])
    ledger.add(warning("foreign_process", 0, device="gpu0", open=True))
    for document in [*teller.round("A", 1), *teller.round("B", 2)]:
        ledger.add(document)
    ledger.add(warning("foreign_process", 0, teller.t_ns, device="gpu0"))
    teller.t_ns += SECOND
    for document in [*teller.round("B", 3), *teller.round("A", 4), Stop(t_ns=teller.t_ns, exit_status="success")]:
        ledger.add(document)
    for label in "AB":
        first, second = (books.settled for books in ledger.arms[label].rounds)
        assert first is not None and Reason.FOREIGN_PROCESS in first.reasons and first.steady.energy is None
        assert second is not None and Reason.FOREIGN_PROCESS not in second.reasons and second.steady.energy is not None


def test_a_flag_about_another_device_or_arm_is_no_flag_here() -> None:
    ledger = ledger_of(story(stop=False))
    ledger.add(warning("foreign_process", 0, 100 * SECOND, device="gpu7"))
    ledger.add(Mark(kind=MarkKind.WARNING, t_ns=0, arm="B", text="w", data={"code": "remote_server", "open": True}))
    ledger.add(warning("nobody_knows_this_code", 0, 100 * SECOND))
    assert ledger.figures("A").reasons == ["simulated"]
    assert ledger.figures("B").reasons == ["simulated", "remote_server"]
    assert ledger.figures("B").energy_joules is None
    assert ledger.metric() == "tokens_per_second", "only what is known of all can be compared"


# -- several devices


def two_gpus() -> list[Document]:
    """Arms A and B at the same time, each on a GPU of its own, for one round: in the order in which it happened."""
    arms = [ArmInfo(label=label, name=label, runtime="simulated", devices=[f"gpu{n}"]) for n, label in enumerate("AB")]
    second = Descriptor(stream="gpu1", t_ns=0, source="simulated", device="gpu1", columns=_columns())
    told: list[Document] = [start().model_copy(update={"arms": arms}), *descriptors(), second]
    happened: list[tuple[int, Document]] = []
    for number, label in enumerate("AB"):
        now = 0
        for document in Teller().round(label, number + 1):
            now = document.t_ns[-1] if isinstance(document, Page) else now
            moved = isinstance(document, Page) and document.stream == "gpu0"
            happened.append((now, document.model_copy(update={"stream": f"gpu{number}"}) if moved else document))
    return [*told, *(document for _, document in sorted(happened, key=lambda item: item[0]))]


def _columns() -> dict[str, Column]:
    watts, joules = Column(unit="W", kind="gauge"), Column(unit="J", kind="counter")
    return {"power_instant_watts": watts, "power_average_watts": watts, "energy_joules": joules}


def test_arms_that_run_at_the_same_time_have_their_own_devices() -> None:
    ledger = Ledger()
    together = 0
    for document in two_gpus():
        ledger.add(document)
        together = max(together, len(ledger.current_rounds))
    ledger.add(Stop(t_ns=10 * SECOND, exit_status="success"))
    assert together == 2
    for label in "AB":
        assert ledger.figures(label).power_mean_watts == pytest.approx(WATTS[label], rel=1e-6)
        assert ledger.figures(label).seconds > ROUND_SECONDS - 0.4


def test_an_arm_on_two_devices_has_the_energy_of_both() -> None:
    told = story(stop=False, rounds="AB")
    both = start().model_copy(
        update={"arms": [arm.model_copy(update={"devices": ["gpu0", "gpu1"]}) for arm in start().arms]}
    )
    second = Descriptor(stream="gpu1", t_ns=0, source="simulated", device="gpu1", columns=_columns())
    doubled: list[Document] = []
    for document in told[1:]:
        doubled.append(document)
        if isinstance(document, Page) and document.stream == "gpu0":
            doubled.append(document.model_copy(update={"stream": "gpu1"}))
    one, two = ledger_of(told), ledger_of([both, second, *doubled])
    for ledger in (one, two):
        ledger.add(Stop(t_ns=ledger.newest_t_ns, exit_status="success"))
    for label in "AB":
        single, double = one.figures(label), two.figures(label)
        assert single.energy_joules and double.energy_joules == pytest.approx(2 * single.energy_joules, rel=1e-3)
        assert double.units == single.units
        assert single.energy_above_idle_joules is not None
        assert double.energy_above_idle_joules == pytest.approx(2 * single.energy_above_idle_joules, rel=1e-3)


# -- conditions, counts and commands


def slow(t_ns: int, celsius: float, bits: int, clock: int = 1500) -> Page:
    data = {"temperature_celsius": [celsius], "throttle_reasons": [bits], "clock_sm_megahertz": [clock]}
    return Page(stream="gpu0.slow", t_ns=[t_ns], data=data)


def test_a_round_knows_how_warm_it_was_and_whether_it_was_held_back() -> None:
    told = story(stop=False, rounds="AB")
    first = next(d for d in told if isinstance(d, Mark) and d.kind == MarkKind.ROUND_BEGIN)
    at = told.index(first)
    cases = ((60.0, 0x04, "power_capped"), (70.0, 0x20, "thermal_throttle"), (65.0, 0x01, None))
    for celsius, bits, reason in cases:
        warm = slow(first.t_ns + SECOND, celsius, bits)
        ledger = ledger_of([*told[: at + 30], warm, *told[at + 30 :], Stop(t_ns=10, exit_status="success")])
        figures = ledger.arms["A"].rounds[0].settled
        assert figures is not None
        assert figures.condition.temperature_celsius_max == celsius
        assert figures.condition.clock_sm_megahertz_mean == 1500
        assert [str(r) for r in figures.reasons] == ([reason] if reason else [])
        assert figures.steady.energy is not None
        assert ledger.arms["B"].rounds[0].settled is not None
        assert ledger.arms["B"].rounds[0].settled.condition.temperature_celsius_max is None


def test_the_batch_is_the_servers_own_count_where_it_tells_it() -> None:
    told = story(stop=False, rounds="AB")
    ledger = ledger_of([*told, Stop(t_ns=20 * SECOND, exit_status="success")])
    figures = ledger.arms["A"].rounds[0].settled
    assert figures is not None and figures.running_mean == pytest.approx(1.0)
    first = next(d for d in told if isinstance(d, Mark) and d.kind == MarkKind.ROUND_BEGIN)
    at = told.index(first)
    times = [first.t_ns + k * SECOND // 5 for k in range(2, 18)]
    polls = Page(
        stream="vllm.A",
        t_ns=times,
        data={"running_requests": [7.0] * len(times), "waiting_requests": [3.0] * len(times)},
    )
    ledger = ledger_of([*told[: at + 30], polls, *told[at + 30 :], Stop(t_ns=20 * SECOND, exit_status="success")])
    figures = ledger.arms["A"].rounds[0].settled
    assert figures is not None and figures.running_mean == 7.0 and ledger.arms["A"].waiting == 3


def test_a_commands_work_is_counted_between_its_first_word_and_its_last() -> None:
    arms = [ArmInfo(label=label, name=label, runtime="command", unit="step") for label in "AB"]
    teller = Teller()
    told: list[Document] = [start().model_copy(update={"arms": arms}), *descriptors()]
    told.append(Mark(kind=MarkKind.ROUND_BEGIN, t_ns=0, arm="A", round=1, data={"slots": 1, "ends_t_ns": 5 * SECOND}))
    words = list(range(1200 * MS, 4900 * MS, 700 * MS))
    for page in teller.spend(5.2, 250.0):
        assert isinstance(page, Page)
        told.append(page)
        while words and words[0] <= page.t_ns[-1]:
            data = {"units": [70.0], "text": ["70 more"]}
            told.append(Page(stream="progress.A", t_ns=[words.pop(0)], data=data))
    told.append(Mark(kind=MarkKind.ROUND_END, t_ns=5 * SECOND, end_t_ns=teller.t_ns, arm="A", round=1))
    ledger = ledger_of([*told, Stop(t_ns=teller.t_ns, exit_status="success")])
    figures = ledger.figures("A")
    assert figures.units_per_second == pytest.approx(100, rel=1e-9)
    assert figures.joules_per_unit == pytest.approx(2.5, rel=1e-3)
    arm = ledger.summaries(rounds=True)[0]
    assert arm["tokens"] is None and arm["joules_per_token"] is None and arm["unit"] == "step"
    assert arm["joules_per_unit"] == figures.joules_per_unit
    assert arm["per_round"][0]["total"]["units"] == 420
    assert ledger.metric() == "joules_per_unit"


def test_fixed_work_has_a_time_to_finish() -> None:
    told = story(rounds="AB")
    changed = [
        document.model_copy(update={"data": {"slots": 1, "ends_t_ns": None, "requests": 1}})
        if isinstance(document, Mark) and document.kind == MarkKind.ROUND_BEGIN
        else document
        for document in told
    ]
    ledger = ledger_of(changed)
    assert ledger.values("A", "seconds_to_finish") == [pytest.approx(ROUND_SECONDS + 0.1)]
    assert ledger_of(told).values("A", "seconds_to_finish") == [None]


def test_a_round_cut_short_takes_its_own_block_out_and_shifts_no_other() -> None:
    told = story(rounds="ABBAABBA")
    spoilt = [
        document.model_copy(update={"data": {"complete": False}})
        if isinstance(document, Mark) and document.kind == MarkKind.ROUND_END and document.round == 1
        else document
        for document in told
    ]
    ledger = ledger_of(spoilt)
    assert [value is None for value in ledger.values("A", "joules_per_token")] == [True, False, False, False]
    verdict = ledger.verdict()
    assert verdict is not None and verdict.rounds == 3


def test_counted_pieces_are_said_to_be_estimates() -> None:
    told = [
        document.model_copy(update={"data": {**document.data, "estimated": True}})
        if isinstance(document, Mark) and document.kind == MarkKind.REQUEST_FINISHED and document.arm == "B"
        else document
        for document in story()
    ]
    ledger = ledger_of(told)
    assert "estimated_tokens" in ledger.figures("B").reasons and "estimated_tokens" not in ledger.figures("A").reasons


@given(st.lists(st.floats(1e-6, 1e4), min_size=1, max_size=400))
def test_a_spread_is_true_to_half_a_percent(values: list[float]) -> None:
    spread = Spread()
    spread.add(values)
    found, ordered = spread.percentiles(), sorted(values)
    assert found is not None
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        rank = share * (len(values) - 1)
        low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
        assert low * 0.9974 <= getattr(found, name) <= high * 1.0026


def test_a_spread_of_nothing_is_unknown_and_copies_are_apart() -> None:
    spread = Spread()
    assert spread.percentiles() is None
    twin = spread.copy()
    twin.add([0.0, -1.0, 2.0])
    assert spread.count == 0 and twin.count == 3 and twin.percentiles() is not None


# -- what must not be mistaken


def test_a_round_of_fixed_work_has_figures_while_it_runs() -> None:
    told = story(stop=False, rounds="A")
    begin = next(at for at, d in enumerate(told) if isinstance(d, Mark) and d.kind == MarkKind.ROUND_BEGIN)
    mark = told[begin]
    assert isinstance(mark, Mark)
    told[begin] = mark.model_copy(update={"data": {"slots": 1, "ends_t_ns": None, "requests": 9}})
    ledger = ledger_of(told[: begin + 120])
    assert ledger.current_rounds and ledger.figures("A").units > 0 and ledger.summaries()[0]["tokens"] > 0


def with_devices(*devices: list[str], mode: str = "alternate") -> list[Document]:
    arms = [arm.model_copy(update={"devices": names}) for arm, names in zip(start().arms, devices, strict=True)]
    demo = {**start().demo, "schedule": {"mode": mode, "rounds": 4}}
    return [start().model_copy(update={"arms": arms, "demo": demo}), *story(rounds="ABBA")[1:]]


def test_a_device_that_tells_nothing_has_energy_that_nobody_knows() -> None:
    ledger = ledger_of(with_devices(["gpu0"], ["gpu0", "gpu1"]))
    assert ledger.figures("A").energy_joules is not None
    assert ledger.figures("B").energy_joules is None and ledger.live("B", 0)[0] is None
    ledger = ledger_of(with_devices(["gpu0"], []))
    assert ledger.figures("B").energy_joules is None and ledger.figures("B").power_mean_watts is None


def test_arms_that_run_at_once_on_one_device_share_its_joules() -> None:
    ledger = ledger_of(with_devices(["gpu0"], ["gpu0"], mode="parallel"))
    for label in "AB":
        assert "shared_device" in ledger.figures(label).reasons and ledger.figures(label).energy_joules is None
    apart = ledger_of(with_devices(["gpu0"], ["gpu0"]))
    assert "shared_device" not in apart.figures("A").reasons


def test_a_figure_that_must_not_be_used_decides_nothing() -> None:
    ledger = ledger_of(story(rounds="ABBAABBA"))
    assert ledger.verdict() is not None
    for arm in ledger.arms.values():
        for books in arm.rounds:
            assert books.settled is not None
            books.settled = replace(books.settled, reasons=(Reason.COUNTER_AVERAGE_DISAGREE,))
    assert ledger.verdicts("joules_per_token") == []
    assert ledger.verdicts("tokens_per_second") != []
