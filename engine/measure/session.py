"""`wattrace measure`: the energy of a window of time, or of a command, on every GPU. Needs no server and no demo.

Sampling begins a little before the window and ends a little after it: the sensors' periods are found in the meantime,
and the counter's ticks around both edges are seen. Everything is documents here too, so `--out` is only a recorder.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from engine.clock import NS
from engine.documents import Document, Page
from engine.errors import DeviceError, NoDevice, RecordingError, SamplerDied
from engine.measure.company import Company
from engine.measure.foreground import Foreground, cannot_run
from engine.measure.simulated_load import simulated_load
from engine.measure.transcript import Transcript
from engine.renewals import Renewals
from engine.sampling import Sampler

RATE_HZ = 1000
LEAD_IN_SECONDS = 1.1
"""The average's whole first second, and ten ticks of a counter that ticks every 100 ms."""

LEAD_OUT_SECONDS = 0.3
"""The next tick after the window, and the pages that tell of it."""

_SEED = 7
_WORDS = {signal.SIGINT: "stopped with Ctrl-C", signal.SIGTERM: "stopped by SIGTERM", signal.SIGHUP: "hung up"}


@dataclass(frozen=True)
class Request:
    """What to measure: a command, else so many seconds, else until told to stop. See `wattrace measure --help`."""

    seconds: float | None = None
    command: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    rate_hz: int = RATE_HZ
    out: Path | None = None
    simulate: bool = False


@dataclass
class Outcome:
    """What to print and how to exit; `result` is None when nothing was measured, and `problems` say why."""

    exit_code: int = 0
    status: Literal["success", "abort", "fail"] = "success"
    """How the recording ends."""
    result: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)


async def measure(request: Request, *, on_window: Callable[[], None] = lambda: None) -> Outcome:
    """Measure what `request` says; `on_window` is called when a window of time has begun."""
    try:
        return await _Session(request, on_window).run()
    except (DeviceError, RecordingError, SamplerDied) as error:
        tail = "; the command was not run" if request.command else ""
        return Outcome(error.exit_code, "fail", problems=[f"{error}{tail}"])


class _Session:
    """One measurement. What goes wrong before it has begun is raised, what goes wrong later is in the outcome."""

    def __init__(self, request: Request, on_window: Callable[[], None]) -> None:
        self._request, self._on_window = request, on_window
        self._tell = Transcript()
        self._clock = self._tell.clock
        self._outcome = Outcome()
        self._child: Foreground | None = None
        self._cut = asyncio.Event()
        """Something ends the window before its time; the outcome says what."""
        self._complete = False
        self._company, self._renewals = Company(self._tell), Renewals()

    async def run(self) -> Outcome:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._signals())
            try:
                async with self._sampling() as sampler:
                    # Nothing is awaited before the start is told, so no sample can come before it.
                    stack.enter_context(self._tell.recorded(self._request.out))
                    self._start(sampler)
                    await self._measure(sampler)
            except SamplerDied as error:
                if not self._tell.begun:
                    raise
                self._died(error)
            self._company.end(self._clock.now_ns())
            for stream in self._tell.measurement.gpus:
                self._look(stream, self._clock.now_ns(), last=True)
            self._tell.stop(self._outcome.status, "; ".join(self._outcome.problems))
        return self._concluded()

    def _start(self, sampler: Sampler) -> None:
        request = self._request
        asked: dict[str, JsonValue] = {"command": list(request.command), "seconds": request.seconds}
        self._tell.start(devices=sampler.provenance, simulated=request.simulate, seed=_SEED, asked=asked)

    async def _measure(self, sampler: Sampler) -> None:
        watch = asyncio.create_task(self._watch(sampler), name="watch sampler")
        try:
            await (self._command() if self._request.command else self._window())
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    def _concluded(self) -> Outcome:
        outcome = self._outcome
        outcome.result = self._tell.measurement.result()
        if self._tell.failure is not None:
            outcome.problems.append(str(self._tell.failure))
            outcome.exit_code = outcome.exit_code or (0 if self._request.command else self._tell.failure.exit_code)
        return outcome

    # -- what is measured

    async def _window(self) -> None:
        """So many seconds, or until told to stop; what is cut short is measured as far as it came."""
        start_ns = self._clock.now_ns() + round(LEAD_IN_SECONDS * NS)
        if not await self._until(start_ns):
            self._outcome.problems.append("nothing was measured")
            return
        self._tell.window("begin", start_ns, "snapped")
        self._on_window()
        seconds = self._request.seconds
        planned_ns = None if seconds is None else start_ns + round(seconds * NS)
        whole = await self._until(planned_ns)
        self._tell.window("end", planned_ns if whole and planned_ns else self._clock.now_ns(), "snapped")
        if seconds is None and self._outcome.status == "abort":
            self._outcome = Outcome()  # to be told to stop is how this one is meant to end
        await self._lead_out()

    async def _command(self) -> None:
        """From just before the command is executed until it has ended."""
        if not await self._until(self._clock.now_ns() + round(LEAD_IN_SECONDS * NS)):
            self._outcome.problems.append("the command was not run")
            return
        child = Foreground(self._request.command)
        try:
            child.start()
        except OSError as error:
            self._ends(cannot_run(error), "fail", f"cannot run {self._request.command[0]}: {error.strerror}")
            return
        self._child = child
        self._tell.window("begin", child.begun_ns - self._clock.origin_ns, "given")
        exit_code = await child.ended()
        self._outcome.exit_code = exit_code
        self._tell.window("end", child.ended_ns - self._clock.origin_ns, "given")
        await self._lead_out()

    async def _lead_out(self) -> None:
        """Sample a little longer; whoever stops us now stops nothing any more."""
        self._complete = True
        await asyncio.sleep(LEAD_OUT_SECONDS)

    async def _until(self, t_ns: int | None) -> bool:
        """Wait until `t_ns` (None: for good); False when something cut it short."""
        left = None if t_ns is None else (t_ns - self._clock.now_ns()) / NS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._cut.wait()
        return not self._cut.is_set()

    # -- what may come in between

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C and the like end a window of time; with a command they are the command's business."""
        loop = asyncio.get_running_loop()
        # What our starter ignores (nohup, a script's background jobs) the command must go on ignoring.
        taken = [s for s in _WORDS if not self._request.command or signal.getsignal(s) != signal.SIG_IGN]
        for signum in taken:
            loop.add_signal_handler(signum, self._signalled, signum)
        try:
            yield
        finally:
            for signum in taken:
                loop.remove_signal_handler(signum)

    def _signalled(self, signum: signal.Signals) -> None:
        if self._complete:
            return
        if self._child is None:
            self._ends(128 + signum, "abort", _WORDS[signum])
        elif signum == signal.SIGINT:
            self._child.interrupted()
        else:
            self._child.pass_on(signum)

    async def _watch(self, sampler: Sampler) -> None:
        try:
            await sampler.wait()
        except SamplerDied as error:
            self._died(error)

    def _died(self, error: SamplerDied) -> None:
        """What the sampler told until now is all there is; a command runs on, and its status is passed on."""
        self._tell.warn(str(error), "sampler_died")
        self._ends(self._outcome.exit_code if self._child else error.exit_code, "fail", str(error))

    def _ends(self, exit_code: int, status: Literal["abort", "fail"], words: str) -> None:
        """The measurement ends so, and before its time; the first to say so decides."""
        if not self._cut.is_set():
            self._outcome.exit_code, self._outcome.status = exit_code, status
            self._outcome.problems.append(words)
            self._cut.set()

    # -- the devices

    def _look(self, stream: str, t_ns: int, *, last: bool = False) -> None:
        """Tell what is known by now of a GPU's sensors."""
        gpu = self._tell.measurement.gpus.get(stream)
        if gpu is not None and (again := self._renewals.look(gpu.descriptor, gpu.meter, t_ns, last=last)):
            self._tell(again)

    def _sampled(self, document: Document) -> None:
        self._tell(document)
        if isinstance(document, Page):
            self._look(document.stream, document.t_ns[-1])
        if self._request.command:
            self._company.see(document, running=self._child is not None and not self._complete)

    @contextlib.asynccontextmanager
    async def _sampling(self) -> AsyncIterator[Sampler]:
        """The sampler, and on a simulated GPU something to sample."""
        request = self._request
        async with contextlib.AsyncExitStack() as stack:
            occupancy = None
            if request.simulate:
                _refuse_unknown(request.gpus)
                occupancy = await stack.enter_async_context(simulated_load(_SEED))
            sampler = Sampler(
                source="simulated" if request.simulate else "nvml",
                clock_origin_ns=self._clock.origin_ns,
                on_document=self._sampled,
                rate_hz=request.rate_hz,
                gpus=request.gpus,
                occupancy=occupancy,
                seed=_SEED,
            )
            yield await stack.enter_async_context(sampler)


def _refuse_unknown(gpus: tuple[str, ...]) -> None:
    """There is one simulated GPU."""
    for name in gpus:
        if name not in {"0", f"SIM-{_SEED}"}:
            raise NoDevice(f"no simulated GPU is called {name!r}", remedy=f"there is 0 (SIM-{_SEED})")
