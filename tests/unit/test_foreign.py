"""Whose process computes on a device: with the driver's numbers, and in a container, which has others."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS
from engine.documents import Mark, MarkKind, Page
from engine.foreign import ForeignProcesses

OURS = {100, 101}


def told(
    foreign: ForeignProcesses,
    rows: Iterable[str | None],
    *,
    owned: set[int] = frozenset(),
    starting: Iterable[int] = (),
    device: str = "gpu0",
    first: int = 0,
) -> list[Mark]:
    """One page a second, as the sampler sends them; in the seconds `starting` an arm starts."""
    marks: list[Mark] = []
    for second, cell in enumerate(rows, first):
        data: dict[str, list[int | float | str | None]] = {"compute_process_ids": [cell]}
        page = Page(stream=f"{device}.processes", t_ns=[second * NS], data=data)
        marks += foreign.page(page, owned=owned, starting=second in starting)
    return marks


def spans(marks: list[Mark]) -> list[tuple[int, int | None, object]]:
    return [(m.t_ns // NS, None if m.end_t_ns is None else m.end_t_ns // NS, m.data["pids"]) for m in marks]


def test_our_own_are_no_news() -> None:
    assert told(ForeignProcesses(), ["", "100", "100,101", "", None, "101"], owned=OURS) == []


def test_an_episode_is_told_when_it_begins_and_with_its_span_when_it_is_over() -> None:
    marks = told(ForeignProcesses(), ["", "100", "100,7", "7,100", "100"], owned=OURS)
    # it may have begun any time since the row before
    assert spans(marks) == [(1, None, [7]), (1, 4, [7])]
    assert [mark.data.get("open") for mark in marks] == [True, None]
    for mark in marks:
        assert mark.kind is MarkKind.WARNING and "process 7" in (mark.text or "")
        assert mark.data["code"] == "foreign_process" and mark.data["device"] == "gpu0"


def test_who_was_there_before_us_is_foreign() -> None:
    assert spans(told(ForeignProcesses(), ["7", "7,100"], owned=OURS, starting=[0, 1])) == [(0, None, [7])]


def test_several_at_once_are_one_episode() -> None:
    marks = told(ForeignProcesses(), ["", "7", "7,8", "8", ""])
    assert spans(marks) == [(0, None, [7]), (0, 4, [7, 8])]


def test_what_is_still_open_at_the_end_is_closed() -> None:
    foreign = ForeignProcesses()
    told(foreign, ["", "7"])
    assert spans(foreign.end(9 * NS)) == [(0, 9, [7])]
    assert foreign.end(9 * NS) == []


def test_a_row_that_could_not_be_read_ends_no_episode() -> None:
    assert spans(told(ForeignProcesses(), ["", "7", None, "7", ""])) == [(0, None, [7]), (0, 4, [7])]


def test_in_a_container_who_comes_while_an_arm_starts_is_ours() -> None:
    foreign = ForeignProcesses()
    assert told(foreign, ["", "5001", "5001,5002", "5001,5002"], owned=OURS, starting=[1]) == []
    assert spans(told(foreign, ["5001,6000"], owned=OURS, first=4)) == [(3, None, [6000])]


def test_where_numbers_are_the_drivers_a_start_excuses_nobody() -> None:
    marks = told(ForeignProcesses(), ["", "7", "7,100", "7,100"], owned=OURS, starting=[1, 2])
    assert spans(marks) == [(0, None, [7])]


def test_a_process_of_ours_that_has_just_died_is_still_ours() -> None:
    foreign = ForeignProcesses()
    assert told(foreign, ["", "100"], owned=OURS) == []
    assert told(foreign, ["100"], owned=set(), first=2) == []


def test_a_server_that_was_there_before_may_be_an_arm() -> None:
    marks = told(ForeignProcesses(adopts_residents=True), ["7", "7,100", "7,100,8"], owned=OURS)
    assert spans(marks) == [(1, None, [8])]


def test_devices_are_watched_apart() -> None:
    foreign = ForeignProcesses()
    assert [m.data["device"] for m in told(foreign, ["", "7"])] == ["gpu0"]
    assert [m.data["device"] for m in told(foreign, ["", "7"], device="gpu1")] == ["gpu1"]


@given(st.lists(st.one_of(st.none(), st.sets(st.integers(1, 4)))))
def test_every_episode_that_begins_is_over_once(rows: list[set[int] | None]) -> None:
    foreign = ForeignProcesses()
    cells = [None if row is None else ",".join(map(str, sorted(row))) for row in rows]
    marks = told(foreign, cells, owned={1})
    marks += foreign.end(len(rows) * NS)
    opened = [m for m in marks if m.data.get("open")]
    closed = [m for m in marks if m.end_t_ns is not None]
    assert [m.t_ns for m in opened] == [m.t_ns for m in closed] and len(marks) == 2 * len(opened)
    assert not any(1 in m.data["pids"] for m in marks)


def test_where_numbers_are_known_to_be_the_drivers_nobody_is_adopted_but_who_has_ended() -> None:
    foreign = ForeignProcesses(same_numbers=True)
    assert spans(told(foreign, ["", "7"], starting=[1])) == [(0, None, [7])]
    for gone, expected in ((frozenset({7}), []), (frozenset[int](), [[7]])):
        foreign = ForeignProcesses(same_numbers=True)
        marks: list[Mark] = []
        for second, cell in enumerate(["", "7", "7,100"]):
            page = Page(stream="gpu0.processes", t_ns=[second * NS], data={"compute_process_ids": [cell]})
            marks += foreign.page(page, owned=OURS, starting=second > 0, gone=gone)
        assert [mark.data["pids"] for mark in marks] == expected


def test_a_number_that_is_given_anew_is_looked_at_anew() -> None:
    foreign = ForeignProcesses(same_numbers=True)
    page = Page(stream="gpu0.processes", t_ns=[0], data={"compute_process_ids": ["7"]})
    assert foreign.page(page, owned=OURS, starting=True, gone={7}) == []
    assert spans(told(foreign, ["100", "100,7"], owned=OURS, first=1, starting=[1, 2])) == [(1, None, [7])]
