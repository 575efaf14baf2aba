"""Whoever takes turns."""

import asyncio
from typing import Protocol

from engine.loadgen import RoundLoad


class Entrant(Protocol):
    """One arm as the turns see it: a server with its clients, or a command."""

    label: str

    @property
    def slots(self) -> int | None:
        """How many requests it computes at once, as far as is known; None for a command."""

    @property
    def concurrency(self) -> int | None:
        """How many requests its clients keep in flight; None for a command."""

    @property
    def sleeps(self) -> bool:
        """Whether it gives the device's memory away while it rests."""

    async def wake(self) -> None:
        """Be ready to work: before each turn, before warming up, and after a death where the demo asks to restart.

        Returns when it can work, however long that takes. Raises ArmError when it is gone for good.
        """

    async def rest(self) -> None:
        """Give the device to others after a turn, and tell the arm's state (resting, asleep). Raises ArmError."""

    async def warm_up(self, until_ns: int) -> None:
        """Work until the speed settles, or until the run's time `until_ns`. Raises ArmError."""

    async def round(
        self, number: int, until: int | asyncio.Event, *, requests: int | None = None, cut: asyncio.Event | None = None
    ) -> RoundLoad:
        """One turn: until the run's time, the event, or `requests` answers; `cut` ends it before that.

        Trouble is told in `RoundLoad.problem`, and that it was cut in `RoundLoad.cut`.
        """
