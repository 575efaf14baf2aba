"""The reserve as a tape: what the presenter's page keeps of it, for when the way from there to this server is lost."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from engine.errors import ServerError

_SECONDS = 300.0


async def make_tape(file: Path) -> bytes:
    """The recording as the page replays it (`server/report/tape.py`), deflated; made in a process of its own.

    Raises ServerError with its last words.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "server.report.tape", str(file)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            out, err = await process.communicate()
    except TimeoutError:
        raise ServerError(f"{file.name}: no tape of it within {_SECONDS:.0f} s; rehearse a shorter race") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        words = err.decode(errors="replace").strip().splitlines()
        raise ServerError(f"{file.name}: no tape can be made of it: {words[-1][:300] if words else 'it said nothing'}")
    return out
