"""Killing an arm under a viewer's eyes: how soon he sees it, and what is left of the race."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from websockets.sync.client import ClientConnection

from integration.conftest import Races
from integration.processes import wait_until


def address(process: "subprocess.Popen[bytes]") -> str:
    """Where a `wattrace demo` or `replay` serves its page, as it says itself."""
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(rb"watch\s+http://(\S+?)/", line)
        if found:
            return found[1].decode()
    raise AssertionError("the server said nothing of where it is")


def messages(socket: ClientConnection) -> Iterator[dict[str, Any]]:
    """Frames as they come; acknowledged, as a viewer does."""
    while True:
        message = json.loads(socket.recv(timeout=60))
        if message["type"] == "frame":
            socket.send(json.dumps({"ack": message["seq"]}))
            yield message


def awaited(socket: ClientConnection, state: str) -> dict[str, Any]:
    """The first frame in which arm A is in this state."""
    return next(frame for frame in messages(socket) if frame["arms"].get("A", {}).get("state") == state)


def killed_arm(socket: ClientConnection, races: Races, *words: str) -> tuple[float, dict[str, Any]]:
    """SIGKILL the server of arm A, whose command line has these words: how many seconds later a frame said so, and how.

    A frame says itself when it was published, on the clock of this machine.
    """
    lines = races.processes(words[0]).items()
    [arm] = [pid for pid, line in lines if "engine.leash" not in line and all(word in line for word in words)]
    killed_ns = time.monotonic_ns()
    os.kill(arm, signal.SIGKILL)
    frame = awaited(socket, "failed")
    return (frame["t_ns"] - killed_ns) / 1e9, frame["arms"]["A"]


def ends_cleanly(races: Races) -> None:
    """The recording has its stop, which says that the race failed, and of the race nothing runs any more."""
    [recording] = (races.folder / "data" / "wattrace" / "recordings").glob("*.jsonl")
    wait_until(lambda: b'"type":"stop"' in recording.read_bytes()[-200_000:], what="the recording has its stop")
    stop = json.loads(recording.read_bytes().splitlines()[-1])
    assert stop["type"] == "stop" and stop["exit_status"] == "fail" and stop["reason"].startswith("arm A: ")
    wait_until(lambda: len(races.processes()) == 1, what="only the server is left")
