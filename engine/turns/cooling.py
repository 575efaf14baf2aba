"""Waiting until devices are about as cool as they were before the first turn."""

import asyncio
from collections.abc import Iterable, Sequence

from engine.clock import NS
from engine.config import Schedule
from engine.documents import MarkKind
from engine.narrator import Narrator
from engine.turns.skipping import Skipping

_POLL_SECONDS = 0.1


class Cooling:
    """Knows each device's temperature at the start of the first turn, and waits for it before later ones."""

    def __init__(self, schedule: Schedule, narrator: Narrator) -> None:
        self._schedule, self._narrator = schedule, narrator
        self._first: dict[str, float] | None = None

    async def wait(self, labels: Sequence[str], skipping: Skipping) -> None:
        """Until the devices of the arms `labels` are within the band, or the time for it is over; a note tells which.

        Where no temperature is known, or no band is asked for, there is nothing to wait for.
        """
        if self._first is None:
            self._first = self._celsius(self._narrator.ledger.arms)
        band = self._schedule.cooldown_celsius
        if band is None:
            return
        now = self._celsius(labels)
        goals = {device: self._first[device] + band for device in now if device in self._first}
        if any(now[device] > goal for device, goal in goals.items()):
            with skipping.possible() as cut:
                await self._cool(labels, goals, cut)

    async def _cool(self, labels: Sequence[str], goals: dict[str, float], cut: asyncio.Event) -> None:
        clock, seconds = self._narrator.clock, self._schedule.cooldown_timeout_seconds
        begun, reached = clock.now_ns(), False
        self._narrator.phase("cooling", seconds, goal_celsius=min(goals.values()))
        while not reached and not cut.is_set() and clock.now_ns() < begun + round(seconds * NS):
            await asyncio.sleep(_POLL_SECONDS)
            now = self._celsius(labels)
            reached = all(now.get(device, goal) <= goal for device, goal in goals.items())
        self._tell(goals, self._celsius(labels), seconds=(clock.now_ns() - begun) / NS, reached=reached)

    def _tell(self, goals: dict[str, float], now: dict[str, float], *, seconds: float, reached: bool) -> None:
        each = ", ".join(
            f"{device} {now[device]:.0f} °C, wanted {goals[device]:.0f}" for device in goals if device in now
        )
        how = "cooled down" if reached else "still too warm, going on all the same"
        self._narrator.mark(
            MarkKind.NOTE,
            text=f"{how} after {seconds:.1f} s: {each}",
            data={"celsius": {**now}, "goal_celsius": {**goals}, "reached": reached},
        )

    def _celsius(self, labels: Iterable[str]) -> dict[str, float]:
        """The newest temperature of every device of these arms, by device."""
        rig, arms = self._narrator.ledger.rig, self._narrator.ledger.arms
        devices = dict.fromkeys(device for label in labels for device in rig.streams_of(arms[label].info))
        read = {device: rig.conditions[device].newest for device in devices if device in rig.conditions}
        told = {device: row.get("temperature_celsius") for device, row in read.items()}
        return {device: float(value) for device, value in told.items() if isinstance(value, int | float)}
