"""A hub on a clock that stands still."""

from collections.abc import Callable

import pytest
from wires import PERIOD_NS

from engine.clock import NS, FakeClock
from server.hub import Hub
from server.scene import Scene
from server.settings import Settings


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NS)


@pytest.fixture
def make(clock: FakeClock) -> Callable[..., Hub]:
    return lambda **settings: Hub(Scene(period_ns=PERIOD_NS), Settings(**settings), clock)
