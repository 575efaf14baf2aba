"""What the presenter has set, and who may set it: the show and the lock, on a clock that the test moves."""

from typing import Any

import orjson
import pytest

from engine.clock import NS, FakeClock
from server.presenter.lock import HELD_SECONDS, Lock, LockHeld, named
from server.show import PARTS, Show

PLAIN = {"frozen": False, "verdict_hidden": False, "swapped": False, **dict.fromkeys(PARTS)}


def test_a_frame_has_the_show_when_it_changed_and_once_a_second() -> None:
    show, told = Show(), []
    for tick in range(60):  # three seconds of frames
        if tick == 25:
            show.frozen = True
            show.changed()
        told.append(bool(show.fresh(tick * NS // 20)))
    assert [tick for tick, has in enumerate(told) if has] == [0, 20, 25, 45]
    assert show.payload() == {**PLAIN, "frozen": True}


def test_parts_plug_in_and_a_broken_one_costs_nobody_a_frame() -> None:
    show = Show()
    show.add("bet", lambda: {"state": "open"})
    show.add("load", lambda: 1 / 0)
    assert show.payload() == {**PLAIN, "bet": {"state": "open"}}
    for name in ("bet", "frozen", "anything"):
        with pytest.raises(ValueError, match="no free part"):
            show.add(name, dict)
    assert len(orjson.dumps(Show().payload())) < 200, "twenty frames a second do not carry it, but one does"


def test_a_race_s_start_tells_what_was_set_before_it() -> None:
    show = Show()
    assert show.brief()["fallback"] == "by hand"
    show.add("fallback", lambda: {"automatic": True, "on": False})
    show.add("bet", lambda: {"state": "open"})
    assert (show.brief()["fallback"], show.brief()["bet"]) == ("automatic", "open")


def lock() -> tuple[Lock, FakeClock]:
    clock = FakeClock(5 * NS)
    return Lock(clock), clock


def test_who_acts_first_has_control_and_the_last_to_take_it_wins() -> None:
    one, _ = lock()
    one.take("phone", "Ada's phone", over=False)
    assert one.presenter() == {"name": "Ada's phone", "seconds_left": HELD_SECONDS}
    with pytest.raises(LockHeld, match="Ada's phone has control; take it over first"):
        one.act("laptop")
    with pytest.raises(LockHeld):
        one.take("laptop", "Laptop", over=False)
    one.take("laptop", "Laptop", over=True)
    assert one.holder == "laptop"
    with pytest.raises(LockHeld, match="Laptop"):
        one.act("phone")
    one.release("phone")
    assert one.holder == "laptop", "only who has it can give it up"
    one.release("laptop")
    assert one.presenter() is None
    one.act("phone")
    assert one.holder == "phone", "who has said its name acts, and thereby has control"


def test_it_expires_without_actions_and_not_with_them() -> None:
    one, clock = lock()
    one.take("phone", "Phone", over=False)
    for _ in range(3):
        clock.advance(HELD_SECONDS - 1)
        one.act("phone")
    clock.advance(HELD_SECONDS - 0.5)
    assert one.presenter() == {"name": "Phone", "seconds_left": 1}
    clock.advance(0.5)
    assert one.presenter() is None
    one.act("api")
    assert one.presenter() is None, "a nameless request needs no lock and leaves none"
    with pytest.raises(LockHeld):
        one.take("laptop", "Laptop", over=False)
        one.act("api")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Ada", "Ada"),
        ("  Ada\n\t Byron ", "Ada Byron"),
        ("", "a console"),
        ("\x00\u200b\u202e", "a console"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("x" * 500, "x" * 40),
        ("Ада 👩‍🔬", "Ада 👩 🔬"),
    ],
)
def test_names_are_one_short_line(given: str, shown: str) -> None:
    assert named(given) == shown


def test_names_of_many_consoles_do_not_fill_the_memory() -> None:
    one, _ = lock()
    for number in range(1000):
        one.take(f"console-{number}", "x" * 4000, over=True)
    kept: Any = one._names
    assert len(kept) <= 32 and one.presenter() is not None
