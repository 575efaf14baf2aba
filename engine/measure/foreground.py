"""A command in the foreground, as a shell runs it: its terminal, files and signals are its own, only its time is kept.

It stays in our process group, so Ctrl-C in a terminal reaches it without us. Nothing of what it reads and writes
passes through us.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence

_PATIENCE_SECONDS = 0.5


class Foreground:
    """One run of `command`; times are CLOCK_MONOTONIC."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self.begun_ns = self.ended_ns = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._over = False

    def start(self) -> None:
        """Run it, `begun_ns` being just before; raises OSError when it cannot be run."""
        self.begun_ns = time.monotonic_ns()
        # Files that were opened for it above 2 are its own too; ours are all marked to be closed at exec.
        self._process = subprocess.Popen(self.command, close_fds=False)

    async def ended(self) -> int:
        """Wait for its end; returns its status as a shell numbers it (128 + the signal that killed it)."""
        await asyncio.to_thread(self._wait)
        assert self._process is not None, "start it first"
        code = self._process.wait()
        return 128 - code if code < 0 else code

    def pass_on(self, signum: int) -> None:
        """Send it `signum`, unless it is over."""
        # Not with Popen's own: that would take its exit status away from the thread that waits for it.
        if self._process is not None and not self._over:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self._process.pid, signum)

    def interrupted(self) -> None:
        """We got SIGINT: from a terminal, or sent to the whole group, the command has it too and is left alone.

        Sent to us alone, by a program, it was meant for both of us: so outside a terminal a command that is still
        there after a while gets one.
        """
        if not _in_terminal():
            asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self.pass_on, signal.SIGINT)

    def _wait(self) -> None:
        assert self._process is not None, "start it first"
        # It stays a zombie, so that its process id stays its own, until `ended` asks for its status.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self.ended_ns, self._over = time.monotonic_ns(), True


@contextlib.contextmanager
def statuses_kept() -> Iterator[None]:
    """Our starter may ignore SIGCHLD and have us ignore it: the kernel then keeps no status of who has ended.

    A command inherits the default, too: it would lose its own children's in the same way.
    """
    ignored = signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
    if ignored:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        if ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def cannot_run(error: OSError) -> int:
    """The status with which a shell says that a command cannot be run: 127 where there is none, else 126."""
    return 127 if isinstance(error, FileNotFoundError) else 126


def _in_terminal() -> bool:
    """Whether we are in the foreground of a terminal, whose Ctrl-C goes to the whole group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
