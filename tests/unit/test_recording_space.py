"""The space watch: early warnings, few of them, and an end before the disk is full."""

from pathlib import Path

from engine.clock import NS
from engine.recording import SpaceWatch, free_bytes
from engine.recording.space import KEPT_BYTES

MB = 1 << 20


def watched(free: list[int], *, seconds: int = 1) -> list[tuple[str, float]]:
    watch = SpaceWatch()
    looks = [watch.look(n * seconds * NS, each) for n, each in enumerate(free)]
    return [(look.do, look.minutes_left) for look in looks]


def test_a_disk_with_room_is_never_spoken_of() -> None:
    assert {do for do, _ in watched([100_000 * MB - n * MB for n in range(600)])} == {"nothing"}


def test_warnings_come_at_fifteen_five_and_two_minutes_and_then_the_end() -> None:
    """A megabyte a second: 20 minutes of it are left at first."""
    told = watched([KEPT_BYTES + (1200 - n) * MB for n in range(1201)])
    warnings = [round(minutes) for do, minutes in told if do == "warn"]
    assert warnings == [15, 5, 2]
    end = next(n for n, (do, _) in enumerate(told) if do == "end")
    assert 1188 <= end <= 1192, "ten seconds before there is none but what is kept"


def test_others_who_fill_the_disk_count_too() -> None:
    told = watched([100_000 * MB] * 60 + [100_000 * MB - n * 1000 * MB for n in range(1, 90)])
    assert next(do for do, _ in told if do != "nothing") == "warn"


def test_a_disk_that_is_small_from_the_start_is_used_to_half() -> None:
    told = watched([1 * MB - n * 20_000 for n in range(26)])
    assert told[0][0] != "end"
    end = next(n for n, (do, _) in enumerate(told) if do == "end")
    assert 1 * MB - end * 20_000 > MB // 2


def test_space_that_was_made_ends_the_worry() -> None:
    told = watched([KEPT_BYTES + 100 * MB - n * MB for n in range(30)] + [50_000 * MB] * 100)
    assert {do for do, _ in told[:10]} == {"warn", "nothing"}
    assert {do for do, _ in told[40:]} == {"nothing"}


def test_what_is_free_is_asked_of_the_system(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0
