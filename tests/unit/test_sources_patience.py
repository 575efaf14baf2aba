import threading
import time

import pytest

from engine.sources.patience import settle, started


def test_what_calls_give_and_raise_is_kept():
    good, bad = started(lambda: 7), started(lambda: 1 // 0)
    settle([good, bad])
    assert good.result() == 7
    with pytest.raises(ZeroDivisionError):
        bad.result()


def test_one_that_hangs_is_left_behind_once_another_has_answered():
    free = threading.Event()
    quick, hanging = started(lambda: "here"), started(free.wait)
    settle([quick, hanging], patience=0.05)
    assert quick.done() and not hanging.done()
    free.set()
    assert hanging.result(5)


def test_each_answer_gives_the_others_their_patience_again():
    def after(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    calls = [started(lambda seconds=seconds: after(seconds)) for seconds in (0.0, 0.6, 1.2)]
    settle(calls, patience=1.0)
    assert all(call.done() for call in calls)


def test_the_first_answer_is_waited_for_only_so_long_if_asked():
    free = threading.Event()
    alone = started(free.wait)
    settle([alone], first=0.05)
    assert not alone.done()
    free.set()


def test_nothing_to_wait_for():
    settle([])
