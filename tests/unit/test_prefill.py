from engine.clock import NS
from engine.documents import Mark, MarkKind
from server.prefill import Prefill

MS = NS // 1000
FINE, COARSE = 10.0 * MS, 100.0 * MS


def mark(kind: MarkKind, t_ms: int, request: int | None = None, **data: int) -> Mark:
    return Mark(t_ns=t_ms * MS, kind=kind, arm="A", request=request, data=data)


def played(*marks: Mark) -> Prefill:
    prefill = Prefill()
    for each in marks:
        prefill.mark(each)
    return prefill


def one_slot() -> Prefill:
    """Two requests at an arm with one slot: the second is read when the first has been answered."""
    return played(
        mark(MarkKind.ROUND_BEGIN, 0, slots=1),
        mark(MarkKind.REQUEST_SUBMITTED, 0, 1),
        mark(MarkKind.REQUEST_SUBMITTED, 0, 2),
        mark(MarkKind.REQUEST_FIRST_TOKEN, 80, 1),
        mark(MarkKind.REQUEST_FINISHED, 500, 1),
        mark(MarkKind.REQUEST_FIRST_TOKEN, 590, 2),
    )


def test_a_request_that_waits_for_a_slot_is_not_read_yet() -> None:
    assert one_slot().fresh(FINE) == [[0, 80 * MS], [500 * MS, 590 * MS]]


def test_a_span_is_told_once() -> None:
    prefill = one_slot()
    prefill.fresh(FINE)
    assert prefill.fresh(FINE) == []


def test_what_is_read_at_once_is_one_span() -> None:
    prefill = played(
        mark(MarkKind.ROUND_BEGIN, 0, slots=8),
        *(mark(MarkKind.REQUEST_SUBMITTED, 0, request) for request in range(4)),
        *(mark(MarkKind.REQUEST_FIRST_TOKEN, 60 + request, request) for request in range(4)),
    )
    assert prefill.fresh(FINE) == [[0, 63 * MS]]


def test_a_sensor_that_cannot_see_it_is_not_asked_to() -> None:
    assert one_slot().fresh(COARSE) == []
    assert one_slot().fresh(None) == []
    # Fast enough for a ribbon, but not for prompts of some 85 ms.
    assert one_slot().fresh(45.0 * MS) == []


def test_requests_that_fail_or_are_withdrawn_make_room() -> None:
    prefill = played(
        mark(MarkKind.ROUND_BEGIN, 0, slots=1),
        mark(MarkKind.REQUEST_SUBMITTED, 0, 1),
        mark(MarkKind.REQUEST_SUBMITTED, 10, 2),
        mark(MarkKind.REQUEST_SUBMITTED, 20, 3),
        mark(MarkKind.REQUEST_FAILED, 30, 2),
        mark(MarkKind.REQUEST_FAILED, 40, 1),
        mark(MarkKind.REQUEST_FIRST_TOKEN, 100, 3),
    )
    assert prefill.fresh(FINE) == [[40 * MS, 100 * MS]]


def test_a_round_begins_with_nothing_in_flight() -> None:
    prefill = one_slot()
    prefill.mark(mark(MarkKind.ROUND_END, 600))
    prefill.mark(mark(MarkKind.ROUND_BEGIN, 900, slots=1))
    prefill.mark(mark(MarkKind.REQUEST_SUBMITTED, 900, 3))
    prefill.mark(mark(MarkKind.REQUEST_FIRST_TOKEN, 980, 3))
    assert prefill.fresh(FINE)[-1] == [900 * MS, 980 * MS]
