"""The peers' environment, installed on first use, and their processes."""

import asyncio
import json
import subprocess
import sys
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.energy.fake import FakeDriver
from bench.energy.peer import PEERS

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "peers.txt"
INSTALL_SECONDS = 900
ANSWER_SECONDS = 40


def cache_folder() -> Path:
    """Where this platform keeps what can be made again."""
    from platformdirs import user_cache_path

    return user_cache_path("wattrace") / "bench-peers"


def install() -> str:
    """Have the pinned peers; what went wrong, in words. Nothing is done when they are there already."""
    folder = cache_folder()
    stamp = folder / "installed.txt"
    wanted = REQUIREMENTS.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return ""
    print(f"  installing {', '.join(pins())} into {folder}", file=sys.stderr, flush=True)
    try:
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)]
        subprocess.run(pip, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.startswith("ERROR")]
        return lines[-1] if lines else f"pip exited with status {error.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    stamp.write_text(wanted)
    return ""


def pins() -> list[str]:
    """The requirements, one a line."""
    return [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]


class Peer:
    """One peer's process. `problem` says why it measures nothing."""

    def __init__(self, name: str, problem: str = "") -> None:
        self.name, self.problem = name, problem
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, driver: FakeDriver) -> None:
        """Import the peer."""
        python, pipe = cache_folder() / "bin" / "python", asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            str(python), str(HERE / "peer.py"), self.name, stdin=pipe, stdout=pipe,
            stderr=asyncio.subprocess.DEVNULL, env=driver.environment(""),
        )  # fmt: skip
        if not (await self._line()).get("imported"):
            self.problem = "cannot be imported"

    async def measure(self, task: dict[str, Any]) -> dict[str, Any]:
        """The peer's answer to one task."""
        if self.problem or self._process is None or self._process.stdin is None:
            return {"error": self.problem}
        self._process.stdin.write(json.dumps(task).encode() + b"\n")
        return await self._line()

    async def stop(self) -> None:
        """Close its standard input, which ends it."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _line(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_SECONDS)
        except TimeoutError:
            self.problem = f"no answer within {ANSWER_SECONDS} s"
            return {"error": self.problem}
        answer: dict[str, Any] = json.loads(line) if line else {"error": "its process ended"}
        return answer


@asynccontextmanager
async def peers(driver: FakeDriver, *, wanted: bool) -> AsyncIterator[list[Peer]]:
    """Every peer, ready; a peer that cannot be had is there too, and says why."""
    problem = await asyncio.to_thread(install) if wanted else "left out"
    found = [Peer(name, f"not installed: {problem}" if problem and wanted else problem) for name in PEERS]
    try:
        if not problem:
            await asyncio.gather(*(peer.start(driver) for peer in found))
        yield found
    finally:
        await asyncio.gather(*(peer.stop() for peer in found))
