"""What goes wrong within `wattrace measure` itself is said, and neither hidden nor taken out on the command."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.documents import Document, Mark, Page, Stop
from engine.measure import Request, measure
from engine.measure.transcript import Transcript
from engine.recording import Reader
from integration.lab import Lab, checked

Break = Callable[[str], None]


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Break:
    """The books refuse every page that is of a moment after an edge of the window."""
    enter, after_ns, edge = Transcript.__call__, [1 << 62], [""]

    def refuse(self: Transcript, document: Document) -> None:
        if isinstance(document, Mark) and document.data.get("window") == edge[0]:
            after_ns[0] = document.t_ns + 50_000_000
        if isinstance(document, Page) and document.t_ns[-1] > after_ns[0]:
            raise ArithmeticError("no such number")
        enter(self, document)

    monkeypatch.setattr(Transcript, "__call__", refuse)

    def after(name: str) -> None:
        edge[0] = name

    return after


async def test_a_page_that_cannot_be_entered_ends_a_window_and_is_said(breaks: Break, tmp_path: Path) -> None:
    breaks("begin")
    outcome = await measure(Request(seconds=30, simulate=True, out=tmp_path / "out.jsonl"))
    assert outcome.exit_code == 70 and isinstance(outcome.fault, ArithmeticError)
    assert outcome.problems == ["a fault of its own: ArithmeticError: no such number"]
    assert outcome.result is not None
    (gpu,) = outcome.result["gpus"]
    assert "gap" in gpu["reasons"]
    *_, stop = Reader(tmp_path / "out.jsonl")
    assert isinstance(stop, Stop) and stop.exit_status == "fail" and "no such number" in stop.reason


@pytest.mark.parametrize(("status", "code"), [(0, 70), (3, 3)])
async def test_the_command_runs_on_and_only_a_good_status_gives_way(
    breaks: Break, tmp_path: Path, status: int, code: int
) -> None:
    breaks("begin")
    made = tmp_path / "made"
    command = (sys.executable, "-c", f"import time,sys; time.sleep(1); open({str(made)!r}, 'w'); sys.exit({status})")
    outcome = await measure(Request(command=command, simulate=True))
    assert outcome.exit_code == code and made.exists()
    assert outcome.problems == ["a fault of its own: ArithmeticError: no such number"]
    assert outcome.result is not None and outcome.result["gpus"][0]["valid"] is False


async def test_it_is_not_hidden_by_being_told_to_stop_before(breaks: Break) -> None:
    breaks("end")

    def interrupt() -> None:
        asyncio.get_running_loop().call_later(0.5, os.kill, os.getpid(), signal.SIGINT)

    outcome = await measure(Request(simulate=True), on_window=interrupt)
    assert (outcome.exit_code, outcome.status) == (70, "fail") and outcome.result is not None
    assert outcome.problems == ["a fault of its own: ArithmeticError: no such number"]


def test_it_does_not_matter_that_our_starter_ignores_its_children(lab: Lab) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    process = lab.start("--json", "--", "sh", "-c", "echo ready; exit 5", script="high=300", preexec_fn=ignore)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (5, b"") and out.startswith(b"ready\n")
    assert checked(out)["gpus"][0]["energy_joules"] is not None
