"""One race, or one replay, in this process: what `wattrace run` and the children of a server do."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
import platformdirs

from engine.config import Demo
from engine.documents import Document
from engine.errors import RecordingError
from engine.ledger import Ledger
from engine.loadgen import Question
from engine.moments import Fold
from engine.pipes import StreamSink, commands
from engine.plan import make_plan, scratch_folder
from engine.recording import Recorder, pack
from engine.replay import Replay
from engine.run import Ending, Race, new_run_id

_MARK_BYTES = 4096
"""What the presenter did is told in a few words; anything longer is no mark of his."""


@dataclass(frozen=True)
class RaceOptions:
    """How to race: see `wattrace run --help` for each."""

    simulate: bool = False
    power: Literal["auto", "simulated"] = "auto"
    fall_back: bool = False
    out: Path | None = None


def data_folder(kind: Literal["recordings", "logs", "fallback"]) -> Path:
    """Where recordings (when nobody says otherwise), logs and rehearsals go; made when it is not there."""
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
                    ending = await running.run()
    if os.environ.get("WATTRACE_PACK") == "1":
        await _pack(path)
    return ending, path, running


async def _pack(path: Path) -> None:
    """Leave a packed copy beside the recording; without one the recording is as good, so that is only told."""
    try:
        await asyncio.to_thread(pack, path)
    except RecordingError as error:
        print(f"wattrace: no packed copy was made: {error}", file=sys.stderr)


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
        _obey_presenter(running, command)
    running.end(Ending("abort", "the server is gone"))


def _obey_presenter(running: Race, command: dict[str, Any]) -> None:
    """Do what the server says; what cannot be understood is passed over, because the race matters more."""
    match command:
        case {"command": "stop"}:
            running.end(Ending("abort", "stopped by the presenter"))
        case {"command": "next"}:
            running.next()
        case {"command": "request", "prompt": str(text), "number": int(number)}:
            running.ask(Question(number, text))
        case {"command": "mark", "state": str(action), "text": str(who), "data": dict(data)}:
            if len(action) + len(who) + len(orjson.dumps(data)) <= _MARK_BYTES:
                running.controlled(action, who, data)
        case _:
            pass


async def replay(path: Path, *, speed: float, begin: Callable[[], Fold] | None = None, paused: bool = False) -> None:
    """Send the recording's documents to standard output; follows orders, stays at the end, ends with the server.

    With `begin` it can jump: that makes the fold which stands for all documents before the place it jumps to.
    """
    sink = StreamSink()
    await sink.open()
    player = Replay(path, sink, tell=sink.tell, begin=begin)
    player.set_speed(speed)
    player.pause(paused)
    playing = asyncio.create_task(player.run(stay=True), name="replay")
    obeying = asyncio.create_task(_obey(player), name="commands")
    exploring = asyncio.create_task(player.explore(), name="explore")
    try:
        done, _ = await asyncio.wait({playing, obeying}, return_when=asyncio.FIRST_COMPLETED)
        if playing in done:
            await playing
    finally:
        for task in (playing, obeying, exploring):
            task.cancel()
        await asyncio.gather(playing, obeying, exploring, return_exceptions=True)
        await sink.close()


async def _obey(player: Replay) -> None:
    """Follow orders until told to stop, or until the server is gone; what cannot be done is passed over."""
    async for command in commands():
        with contextlib.suppress(ValueError):
            match command:
                case {"command": "stop"}:
                    return
                case {"command": "speed", "speed": int(speed) | float(speed)}:
                    player.set_speed(speed)
                case {"command": "pause", "paused": bool(paused)}:
                    player.pause(paused)
                case {"command": "loop", "loop": bool(looping)}:
                    player.loop(looping)
                case {"command": "seek", "t_ns": int(t_ns)}:
                    player.seek(t_ns)
                case {"command": "step", "to": "next" | "previous" as where}:
                    await player.step(forward=where == "next")
                case _:
                    pass
