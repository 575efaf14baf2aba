"""What is set on a device in the middle of a race is told, and every round that it touches has the reason."""

from typing import Any

from story import SECOND, story

from engine.adjustments import Adjustments
from engine.documents import Mark, MarkKind, Page, Stop
from engine.ledger import Ledger


def slow(*rows: tuple[int, float | None, int | None], stream: str = "gpu0.slow") -> Page:
    times, limits, bits = zip(*rows, strict=True)
    data: dict[str, list[Any]] = {"power_limit_watts": [*limits], "throttle_reasons": [*bits]}
    return Page(stream=stream, t_ns=[*times], data=data)


def test_a_limit_that_changes_is_told_from_its_change_to_its_end() -> None:
    watch = Adjustments()
    assert watch.page(slow((1, None, None), (2, 500.0, 0), (3, 500.4, 4))) == []
    [begun] = watch.page(slow((4, 300.0, 0), (5, 300.0, 0)))
    assert (begun.kind, begun.t_ns, begun.end_t_ns) == (MarkKind.WARNING, 4, None)
    assert begun.data == {"code": "power_limit_changed", "device": "gpu0", "open": True}
    assert begun.text == "the power limit of gpu0 is 300 W, and was 500 W when the race began"
    assert watch.page(slow((6, None, None))) == [], "a reading that failed says nothing"
    [over] = watch.page(slow((7, 500.0, 0)))
    assert (over.t_ns, over.end_t_ns, over.data) == (4, 7, {"code": "power_limit_changed", "device": "gpu0"})
    assert watch.end(9) == []


def test_clocks_that_a_setting_holds_are_told_until_the_end() -> None:
    watch = Adjustments()
    [begun] = watch.page(slow((1, 500.0, 0x2 | 0x4)))
    assert begun.data["code"] == "clocks_set" and "application or locked clocks" in (begun.text or "")
    assert watch.page(slow((2, 500.0, 0x2))) == watch.page(slow((3, 500.0, 0), stream="gpu1.slow")) == []
    [over] = watch.end(9)
    assert (over.t_ns, over.end_t_ns) == (1, 9)


def test_devices_that_do_not_tell_are_passed_over() -> None:
    watch = Adjustments()
    page = Page(stream="gpu0.slow", t_ns=[1, 2], data={"temperature_celsius": [40, 41]})
    assert watch.page(page) == watch.end(3) == []


def test_the_rounds_that_it_touches_have_the_reason() -> None:
    told, watch, ledger = story(stop=False), Adjustments(), Ledger()
    begins = [mark.t_ns for mark in told if isinstance(mark, Mark) and mark.kind == MarkKind.ROUND_BEGIN]
    _, over = watch.page(slow((0, 700.0, 0), (begins[1] + SECOND, 400.0, 0), (begins[2] - 1, 700.0, 0)))
    for document in (*told, over, Stop(t_ns=begins[-1] + 9 * SECOND, exit_status="success")):
        ledger.add(document)
    rounds = sorted((books for arm in ledger.arms.values() for books in arm.rounds), key=lambda books: books.number)
    reasons = [[*map(str, books.settled.reasons)] if books.settled else None for books in rounds]
    assert [("power_limit_changed" in each) for each in reasons if each is not None][:4] == [False, True, False, False]
