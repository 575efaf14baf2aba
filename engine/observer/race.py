"""The race of the ways of watching: the sampler's rate and the viewers change before every turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, Protocol

from engine.arms.server import Launch, ServerArm
from engine.clock import NS
from engine.config import Demo, Schedule
from engine.documents import Document, Mark, MarkKind, Page
from engine.errors import ConfigError
from engine.ledger import Ledger
from engine.observer.conditions import Condition, observer_demo, observer_plan
from engine.observer.findings import findings
from engine.plan import make_plan, scratch_folder
from engine.recording import Recorder
from engine.run import Ending, Race, new_run_id
from engine.sampling import Sampler

EDGE_HZ, EDGE_SECONDS = 100, 0.5
"""How fast the counter is read at a turn's edges, whatever its own rate, and how long: several of its ticks."""

_SETTLE_SECONDS = 0.5
"""Before each turn: what came or went has settled."""


class Hall(Protocol):
    """Where viewers watch the race."""

    def __call__(self, document: Document) -> None:
        """Tell them a document."""

    async def seat(self, viewers: int) -> None:
        """Have so many of them; returns when they are there, or gone."""


@dataclass(frozen=True)
class ObserverOptions:
    """How to compare; see `wattrace bench-observer --help`."""

    simulate: bool = False
    power: Literal["auto", "simulated"] = "auto"
    blocks: int = 4
    round_seconds: float = 8.0
    warm_up_seconds: float = 2.0


@dataclass
class Observed:
    """What came of it: how it ended, the books, and what watching cost, as the recording's last note has it too."""

    ending: Ending
    ledger: Ledger
    findings: list[dict[str, Any]]


@dataclass
class _Watching:
    """Sets a turn's way of watching, and hears what the sampler costs in it.

    The first and the last moments of every turn are sampled alike, so that its energy is known from the counter's ticks
    at both ends, and is known equally well, whatever happens in between.
    """

    wanted: dict[str, Condition]
    hall: Hall
    cpu: dict[str, list[float]] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    _sampler: Sampler | None = None
    _turn: str | None = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def before(self, label: str, sampler: Sampler | None) -> None:
        """Arm `label` is about to have its turn."""
        self._sampler = sampler
        await self._rate(EDGE_HZ)
        await self.hall.seat(self.wanted[label].viewers)
        await asyncio.sleep(_SETTLE_SECONDS)

    def hear(self, document: Document) -> None:
        """Documents as they come."""
        match document:
            case Mark(kind=MarkKind.ROUND_BEGIN, arm=str(arm)):
                seconds = (int(str(document.data["ends_t_ns"])) - document.t_ns) / NS
                task = asyncio.create_task(self._watch(arm, seconds))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case Page(stream="sampler.process") if self._turn:
                values = [value for value in document.data["sampler_cpu_percent"] if isinstance(value, float)]
                self.cpu.setdefault(self._turn, []).extend(values)
            case _:
                pass

    def conclude(self, ledger: Ledger) -> dict[str, Any]:
        """What each way of watching has cost, for the recording's last note; kept to be printed."""
        cpu = {label: fmean(values) for label, values in self.cpu.items() if values}
        self.findings = findings(ledger, list(self.wanted.values()), cpu)
        return {"conditions": self.findings}

    async def _watch(self, label: str, seconds: float) -> None:
        """The turn of arm `label`, between its edges."""
        await asyncio.sleep(EDGE_SECONDS)
        await self._rate(self.wanted[label].rate_hz)
        self._turn = label
        await asyncio.sleep(max(0.0, seconds - 2 * EDGE_SECONDS))
        self._turn = None
        await self._rate(EDGE_HZ)

    async def _rate(self, rate_hz: int) -> None:
        if self._sampler is not None:
            await self._sampler.set_rate(rate_hz)


async def observe(
    demo: Demo,
    options: ObserverOptions,
    wanted: list[Condition],
    out: Path,
    *,
    hall: Callable[[], contextlib.AbstractAsyncContextManager[Hall]],
    watch: Callable[[Demo], Callable[[Ledger, Document], None]] | None = None,
) -> Observed:
    """Race the last arm of `demo` against itself into the recording `out`.

    Raises ConfigError for an arm that is no server of ours, and whatever a race's plan and its arms raise.
    """
    with scratch_folder() as folder:
        plan = make_plan(
            "observer", demo, folder=Path(folder), simulate=options.simulate, power=options.power, fall_back=False
        )
        async with _server(plan.arms[-1].launch) as server, hall() as seats:
            schedule = Schedule(
                round_seconds=options.round_seconds,
                rounds=options.blocks * len(wanted),
                baseline_seconds=1.0,
                warm_up_seconds=options.warm_up_seconds,
            )
            own = observer_demo(demo, server.api_url, server.model, wanted, schedule)
            watching = _Watching({each.label: each for each in wanted}, seats)
            with Recorder(out) as recorder:
                race = Race(
                    observer_plan(plan, own, server.api_url),
                    run_id=new_run_id("observer"),
                    recorder=recorder,
                    before_turn=watching.before,
                    conclusion=watching.conclude,
                )
                race.add_sink(watching.hear)
                race.add_sink(seats)
                if watch is not None:
                    tell = watch(own)
                    race.add_sink(lambda document: tell(race.ledger, document))
                ending = await race.run()
    return Observed(ending, race.ledger, watching.findings)


@contextlib.asynccontextmanager
async def _server(launch: object) -> AsyncIterator[ServerArm]:
    """The one server that all arms are."""
    if not isinstance(launch, Launch):
        problem = "its last arm is no server that wattrace starts"
        raise ConfigError(
            file="demo", where="arms", problem=problem, remedy="use one whose last arm is vllm or simulated"
        )
    server = ServerArm("A", launch)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
