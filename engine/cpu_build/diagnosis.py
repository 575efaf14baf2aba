"""From a failed command's output to an error that says what was wrong and what to do."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from engine.cpu_build.errors import BuildError

TAIL_LINES = 6
LINE_CHARACTERS = 200


@dataclasses.dataclass(frozen=True)
class Cause:
    """A known cause: how it shows in the output (its group `it` goes into `what`), and its remedy."""

    pattern: re.Pattern[str]
    what: str
    remedy: str


# In this order: a full disk and a dead network also end in "no matching distribution".
CAUSES = (
    Cause(
        re.compile(r"(?P<it>No space left on device|Disk quota exceeded)"),
        "the disk is full: {it}",
        "Free about 4 GB, or name a folder on a larger disk in WATTRACE_CPU_ENGINE (and in TMPDIR, which pip "
        "uses too).",
    ),
    Cause(
        re.compile(r"(?P<it>ensurepip is not available|No module named '?(?:ensurepip|venv|pip)\b)"),
        "this Python cannot make a virtual environment with pip: {it}",
        "Install its venv package (python3-venv on Debian and Ubuntu), or name another interpreter in "
        "WATTRACE_CPU_ENGINE_PYTHON.",
    ),
    Cause(
        re.compile(
            r"(?P<it>NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError"
            r"|SSLError|CERTIFICATE_VERIFY_FAILED|ProtocolError|Temporary failure in name resolution"
            r"|Network is unreachable)"
        ),
        "pip could not reach its package index: {it}",
        "Check the network, the proxy and the certificates (`pip config list` shows what pip uses), then run "
        "`make engine-cpu` again.",
    ),
    Cause(
        re.compile(r"(?:distribution found for|satisfies the requirement) (?P<it>torch==[\w.+]*\w)"),
        "pip finds no {it} for this Python: the default package index does not have PyTorch's CPU build",
        "Add PyTorch's CPU wheel index to pip's configuration (PIP_EXTRA_INDEX_URL), or a folder with that "
        "wheel (PIP_FIND_LINKS). If the wheel there is for another Python version, name such an interpreter "
        "in WATTRACE_CPU_ENGINE_PYTHON. The default build is not taken instead: it brings several GB of CUDA "
        "libraries.",
    ),
    Cause(
        re.compile(r"(?:distribution found for|satisfies the requirement) (?P<it>[\w.-]+==[\w.+]*\w)"),
        "pip finds no wheel of {it} for this Python",
        "Check that pip's index has that version (`pip download --no-deps` tells). A Python 3.11, named in "
        "WATTRACE_CPU_ENGINE_PYTHON, fits best.",
    ),
)


def explain(output: str, *, step: str, code: int, log: Path) -> BuildError:
    """The error for a command of the build that ended with `code`, from what it printed."""
    detail = tail(output, log)
    for cause in CAUSES:
        if found := cause.pattern.search(output):
            what = cause.what.format_map(found.groupdict())
            return BuildError(what, where=step, remedy=cause.remedy, detail=detail)
    how = f"ended with exit status {code}" if code >= 0 else f"was killed by signal {-code}"
    remedy = "Its last lines follow; run `make engine-cpu` again once their cause is gone."
    return BuildError(f"{step} {how}", where=str(log), remedy=remedy, detail=detail)


def tail(output: str, log: Path) -> str:
    """The last lines of a command's output, and where the rest of it is."""
    # pip warns of every retry at length; its errors come after.
    lines = [line.rstrip() for line in output.splitlines() if line.strip() and not line.startswith("WARNING")]
    return "\n".join([*(line[:LINE_CHARACTERS] for line in lines[-TAIL_LINES:]), f"all of it: {log}"])
