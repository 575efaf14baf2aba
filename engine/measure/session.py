"""`wattrace measure`: the energy of a window of time, or of a command, on every GPU. Needs no server and no demo.

Sampling begins a little before the window and ends a little after it: the sensors' periods are found in the meantime,
and the counter's ticks around both edges are seen. Everything is documents here too, so `--out` is only a recorder.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Literal

from pydantic import JsonValue

from engine.clock import NS
from engine.company import Company
from engine.documents import Document, Page
from engine.errors import DeviceError, RecordingError, SamplerDied
from engine.measure.foreground import Foreground, cannot_run, statuses_kept
from engine.measure.request import FAULT, Outcome, Request
from engine.measure.retreat import retreat
from engine.measure.simulated_load import refuse_unknown, simulated_load
from engine.measure.transcript import Transcript
from engine.renewals import Renewals
from engine.sampling import Sampler

LEAD_IN_SECONDS = 1.1
"""The average's whole first second, and ten ticks of a counter that ticks every 100 ms."""

LEAD_OUT_SECONDS = 0.3
"""The next tick after the window, and the pages that tell of it."""

_SEED = 7
_WORDS = {signal.SIGINT: "stopped with Ctrl-C", signal.SIGTERM: "stopped by SIGTERM", signal.SIGHUP: "hung up"}


async def measure(request: Request, *, on_window: Callable[[], None] = lambda: None) -> Outcome:
    """Measure what `request` says; `on_window` is called when a window of time has begun."""
    try:
        return await _Session(request, on_window).run()
    except (DeviceError, RecordingError, SamplerDied) as error:
        tail = f"; {request.undone}" if request.command else ""
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
            stack.enter_context(statuses_kept())
            stack.enter_context(self._signals())
            try:
                async with contextlib.AsyncExitStack() as devices:
                    sampler: Sampler | None = None
                    with retreat(self._cut):
                        sampler = await devices.enter_async_context(self._sampling())
                    if sampler is None:
                        return self._left()
                    # Nothing is awaited before the start is told, so no sample can come before it.
                    stack.enter_context(self._tell.recorded(self._request.out))
                    self._start(sampler)
                    await self._measure(sampler)
            except Exception as error:
                if not self._tell.begun:
                    raise
                self._ended_by(error)
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

    def _left(self) -> Outcome:
        """It was cut before there was anything to sample."""
        self._outcome.problems[-1] += " before any GPU had answered"
        self._outcome.problems.append(self._request.undone)
        return self._outcome

    def _concluded(self) -> Outcome:
        outcome = self._outcome
        if outcome.fault is not None:  # a good status, a command's too, would hide it
            outcome.exit_code = outcome.exit_code or FAULT
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
            self._outcome.problems.append(self._request.undone)
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
            self._outcome.problems.append(self._request.undone)
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
        except Exception as error:
            self._ended_by(error)

    def _ended_by(self, error: Exception) -> None:
        """The sampler died, or what it told could not be entered: what was told until now is all there is.

        A command runs on, and its status is passed on.
        """
        words, code = str(error), FAULT
        if isinstance(error, SamplerDied):
            code = error.exit_code
        else:
            words = f"a fault of its own: {type(error).__name__}: {error}"
            self._outcome.fault = error
            self._cut.clear()  # to have been told to stop before must not hide it
        self._ends(self._outcome.exit_code if self._child else code, "fail", words)
        self._tell.warn(words, "sampler_died")

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
            self._company.see(document, starting=self._child is not None and not self._complete)

    @contextlib.asynccontextmanager
    async def _sampling(self) -> AsyncIterator[Sampler]:
        """The sampler, and on a simulated GPU something to sample."""
        request = self._request
        async with contextlib.AsyncExitStack() as stack:
            occupancy = None
            if request.simulate:
                refuse_unknown(request.gpus, _SEED)
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
