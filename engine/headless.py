"""One race, or one replay, in this process: what `wattrace run` and the children of a server do."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from engine.config import Demo
from engine.documents import Document
from engine.errors import RecordingError
from engine.ledger import Ledger
from engine.pipes import StreamSink, commands
from engine.plan import make_plan, scratch_folder
from engine.recording import Recorder
from engine.replay import Replay
from engine.run import Ending, Race, new_run_id


@dataclass(frozen=True)
class RaceOptions:
    """How to race: see `wattrace run --help` for each."""

    simulate: bool = False
    power: Literal["auto", "simulated"] = "auto"
    fall_back: bool = False
    out: Path | None = None


def data_folder(kind: Literal["recordings", "logs"]) -> Path:
    """Where recordings (when nobody says otherwise) and the arms' logs go; made when it is not there."""
    root = os.environ.get("WATTRACE_DATA")
    folder = (Path(root) if root else platformdirs.user_data_path("wattrace")) / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordingError(folder, f"cannot be created: {error.strerror}; name another in WATTRACE_DATA") from error
    return folder


async def race(
    name: str,
    demo: Demo,
    options: RaceOptions,
    *,
    stream: bool = False,
    watch: Callable[[Ledger, Document], None] | None = None,
) -> tuple[Ending, Path, Race]:
    """Race `demo` into a recording; returns how it ended, the file, and the race with its ledger.

    With `stream`, documents also go to standard output, commands come from standard input, and the run ends when
    that closes. `watch` sees every document after everybody else.
    """
    run_id = new_run_id(name)
    path = options.out or data_folder("recordings") / f"{run_id}.jsonl"
    logs = data_folder("logs")
    with scratch_folder() as folder:
        plan = make_plan(
            name,
            demo,
            folder=Path(folder),
            simulate=options.simulate,
            power=options.power,
            fall_back=options.fall_back,
        )
        with Recorder(path) as recorder:
            async with _streaming(stream) as sink:
                running = Race(plan, run_id=run_id, recorder=recorder, logs=logs)
                if sink is not None:
                    running.add_sink(sink)
                if watch is not None:
                    running.add_sink(lambda document: watch(running.ledger, document))
                async with _told_to_stop(running, listen=stream):
                    return await running.run(), path, running


@contextlib.asynccontextmanager
async def _streaming(wanted: bool) -> AsyncIterator[StreamSink | None]:
    if not wanted:
        yield None
        return
    sink = StreamSink()
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


@contextlib.asynccontextmanager
async def _told_to_stop(running: Race, *, listen: bool) -> AsyncIterator[None]:
    """Ctrl-C, SIGTERM, a stop command or a closed standard input each end the run with its stop document."""
    loop = asyncio.get_running_loop()
    for signum, words in ((signal.SIGINT, "stopped with Ctrl-C"), (signal.SIGTERM, "stopped by SIGTERM")):
        loop.add_signal_handler(signum, running.end, Ending("abort", words))
    listener = asyncio.create_task(_listen(running), name="commands") if listen else None
    try:
        yield
    finally:
        if listener is not None:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(signum)


async def _listen(running: Race) -> None:
    async for command in commands():
        if command.get("command") == "stop":
            running.end(Ending("abort", "stopped by the presenter"))
    running.end(Ending("abort", "the server is gone"))


async def replay(path: Path, *, speed: float) -> None:
    """Send the recording's documents to standard output; listens for speed and stop, ends with the server."""
    sink = StreamSink()
    await sink.open()
    player = Replay(path, sink)
    player.set_speed(speed)
    playing = asyncio.create_task(player.run(), name="replay")
    obeying = asyncio.create_task(_obey(player), name="commands")
    try:
        done, _ = await asyncio.wait({playing, obeying}, return_when=asyncio.FIRST_COMPLETED)
        if playing in done:
            await playing
    finally:
        for task in (playing, obeying):
            task.cancel()
        await asyncio.gather(playing, obeying, return_exceptions=True)
        await sink.close()


async def _obey(player: Replay) -> None:
    """Follow commands until told to stop, or until the server is gone."""
    async for command in commands():
        if command.get("command") == "stop":
            return
        if command.get("command") == "speed" and isinstance(command.get("speed"), int | float):
            with contextlib.suppress(ValueError):
                player.set_speed(float(command["speed"]))
