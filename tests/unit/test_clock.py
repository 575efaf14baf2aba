import time

from engine.clock import NS, FakeClock, MonotonicClock


def test_a_fake_clock_moves_only_when_told():
    clock = FakeClock(5)
    assert clock.now_ns() == 5
    clock.advance(1.5)
    assert clock.now_ns() == 5 + 1_500_000_000


def test_sleeping_on_a_fake_clock_is_advancing_and_never_goes_back():
    clock = FakeClock()
    clock.sleep_until(70)
    clock.sleep_until(30)
    assert clock.now_ns() == 70


async def test_waiting_on_a_fake_clock_advances_too():
    clock = FakeClock()
    await clock.wait_until(NS)
    assert clock.now_ns() == NS


def test_the_monotonic_clock_counts_from_its_origin():
    before = time.monotonic_ns()
    clock = MonotonicClock(before)
    assert 0 <= clock.now_ns() <= time.monotonic_ns() - before


def test_a_deadline_that_has_passed_returns_at_once():
    clock = MonotonicClock()
    clock.sleep_until(clock.now_ns() - NS)


async def test_deadlines_are_never_early():
    clock = MonotonicClock(time.monotonic_ns())
    clock.sleep_until(1_000_000)
    assert clock.now_ns() >= 1_000_000
    await clock.wait_until(3_000_000)
    assert clock.now_ns() >= 3_000_000
