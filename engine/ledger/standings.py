"""How a run stands: the figures that follow from its books, and the verdicts on them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.books import ArmBooks, ArmFigures, summary
from engine.clock import NS
from engine.compare import Verdict, judge
from engine.devices import Devices
from engine.documents import Cell, Start, Stop
from engine.rig import Rig


@dataclass(frozen=True)
class RoundInfo:
    """A round that runs now; `ends_t_ns` is None where a number of requests ends it."""

    arm: str
    number: int
    begun_t_ns: int
    ends_t_ns: int | None
    slots: int


class Standings:
    """The state of one run, and all that is asked of it."""

    def __init__(self) -> None:
        self.start: Start | None = None
        self.stop: Stop | None = None
        self.state = "idle"
        self.reason = ""
        self.phase_ends_t_ns: int | None = None
        self.phase_begun_t_ns = 0
        self.arms: dict[str, ArmBooks] = {}
        self.rig = Rig()
        self.newest_t_ns = 0
        self._settle_at_ns: int | None = None
        self._stops_by = ""

    @property
    def powered(self) -> bool:
        """Whether there is a power sensor."""
        return bool(self.rig.meters)

    @property
    def rounds_planned(self) -> int:
        """How many rounds the demo has, over all arms."""
        schedule = self.start.demo.get("schedule") if self.start else None
        rounds = schedule.get("rounds") if isinstance(schedule, dict) else None
        return rounds if isinstance(rounds, int) else 0

    @property
    def current_rounds(self) -> list[RoundInfo]:
        """The rounds that run now: none between rounds, several where arms do not take turns."""
        running = [(books.label, books.rounds[-1]) for books in self.arms.values() if self._runs(books)]
        return [RoundInfo(a, r.number, r.begun_ns, r.ends_ns, r.slots) for a, r in running]

    def _runs(self, books: ArmBooks) -> bool:
        return self.stop is None and books.active

    @property
    def slow(self) -> Mapping[str, Cell]:
        """The newest slow readings of the first device: its temperature, clocks, memory."""
        tracks = self.rig.conditions.values()
        return next(iter(tracks)).newest if tracks else {}

    def _instrumented(self, label: str) -> ArmBooks:
        books = self.arms[label]
        books.instruments = self.rig.instruments(books.info)
        return books

    def figures(self, label: str) -> ArmFigures:
        """The pooled `ArmFigures` of arm `label` as of the newest document."""
        return self._instrumented(label).figures(self.newest_t_ns)

    def devices(self, label: str) -> Devices:
        """The meters of the devices that arm `label` runs on."""
        return self.rig.instruments(self.arms[label].info).devices

    def live(self, label: str, now_ns: int) -> tuple[float | None, float | None]:
        """Watts and units per second of arm `label`: the last second while active, else its last turn's mean."""
        books = self._instrumented(label)
        if self._runs(books):
            work, since = books.rounds[-1].work, max(books.rounds[-1].begun_ns, now_ns - NS)
            devices, span = books.instruments.devices, (now_ns - since) / NS
            watts = devices.recent_watts(since, now_ns) if devices else None
            return watts, work.flow.between(since, now_ns) / span if work and span > 0.2 else None
        newest = books.newest_figures(self.newest_t_ns)
        return (newest.steady.power_mean_watts, newest.steady.units_per_second) if newest else (None, None)

    def steady(self, label: str) -> tuple[int, int | None] | None:
        """The steady state of the arm's newest round, its end None while it lasts; None before it begins."""
        books = self.arms[label].rounds[-1] if self.arms[label].rounds else None
        if books is None or books.steady_ns is None:
            return None
        return (books.steady_ns, books.cutoff_ns)

    def metric(self) -> str:
        """What the verdict on screen is about: energy per unit of work, or its speed where energy is unknown."""
        unit = next((books.info.unit for books in self.arms.values()), "token")
        name = "token" if unit == "token" else "unit"
        told = [figures for figures in map(self.figures, self.arms) if figures.seconds > 0]
        known = bool(told) and all(figures.energy_joules is not None for figures in told)
        return f"joules_per_{name}" if known else f"{name}s_per_second"

    def values(self, label: str, metric: str) -> list[float | None]:
        """The figure called `metric` of each finished round of arm `label`; None where it is unknown."""
        rounds = self._instrumented(label).finished_rounds(self.newest_t_ns)
        return [figures.value(metric) if figures else None for figures in rounds]

    def verdicts(self, metric: str) -> list[Verdict]:
        """Each contender against the first arm in `metric`, where there are blocks enough."""
        first, *others = self.arms
        baseline, unit = (first, self.values(first, metric)), self.arms[first].info.unit
        sides = ((other, self.values(other, metric)) for other in others)
        found = (judge(metric, baseline, side, unit=unit, at_any_time=self.may_stop_early) for side in sides)
        return [verdict for verdict in found if verdict is not None]

    @property
    def may_stop_early(self) -> bool:
        """Whether the race ends once it is decided: its verdicts then need the interval that allows for that."""
        schedule = self.start.demo.get("schedule") if self.start else None
        return isinstance(schedule, dict) and schedule.get("stop_when_decided") is True

    def decided_for_good(self) -> bool:
        """Whether a race may stop now: every contender is told from the first arm, however often that was looked at.

        By the metric of the first time that this was asked: the interval's promise is for one, chosen before.
        """
        if len(self.arms) < 2:
            return False
        self._stops_by = self._stops_by or self.metric()
        found = self.verdicts(self._stops_by)
        return len(found) == len(self.arms) - 1 and all(verdict.decided_for_good for verdict in found)

    def verdict(self) -> Verdict | None:
        """The verdict on screen; of several contenders, the one that differs most."""
        if len(self.arms) < 2:
            return None
        found = self.verdicts(self.metric())
        return max(found, key=lambda verdict: abs(math.log(verdict.ratio)), default=None)

    def summaries(self, *, rounds: bool = False) -> list[dict[str, Any]]:
        """Every arm's summary, as `compare --json` (with `rounds`) and the `stop` document have it."""
        return [summary(self._instrumented(label), self.newest_t_ns, rounds=rounds) for label in self.arms]
