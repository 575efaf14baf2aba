from collections.abc import Callable

import pytest

from engine.clock import NS, FakeClock
from engine.documents import Page
from engine.metrics import PROCESS_LANE
from engine.sampler.census import Census
from engine.sampler.lanes import Table
from engine.sources import ProcessCall


def lists(seconds: float, *, call_seconds: float = 0.01, wanted: Callable[[], bool] = lambda: True) -> list[Page]:
    """What is told in so many seconds; every listing shows one process more."""
    clock, pages = FakeClock(), []

    def read() -> tuple[int, str]:
        clock.advance(call_seconds)
        count = len(pages)
        return count, ",".join(map(str, range(count)))

    def ended(wait_seconds: float) -> bool:
        assert wait_seconds >= 0
        clock.advance(wait_seconds)
        return clock.now_ns() >= seconds * NS

    Census(ProcessCall(PROCESS_LANE, read), Table("gpu0.processes", PROCESS_LANE), clock, pages.append).run(
        ended, wanted
    )
    return pages


def test_a_row_a_second_each_told_at_once():
    pages = lists(4)
    assert [page.t_ns for page in pages] == [[second * NS + NS // 100] for second in range(4)]
    assert pages[2].data == {"compute_processes": [2], "compute_process_ids": ["0,1"]}
    assert pages[0].data == {"compute_processes": [0], "compute_process_ids": [""]}


def test_calls_longer_than_a_second_are_not_made_up_for():
    assert [page.t_ns[0] / NS for page in lists(6, call_seconds=1.5)] == pytest.approx([1.5, 3, 4.5, 6])


def test_nobody_is_listed_while_nobody_wants_samples():
    assert not lists(3, wanted=lambda: False)
