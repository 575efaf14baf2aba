"""The leash: a small process that keeps one arm, and ends it and everything it started with its owner.

`python -P -m engine.leash -- COMMAND ...` runs COMMAND in a process group of its own and passes its exit status on.
The command ends, group and all, when the leash is told to (SIGTERM), when its standard input closes (the owner is
gone, by `kill -9` too), and, by a parent-death signal, when the leash itself is killed. A parent-death signal alone
would reach only the direct child, and a vLLM server has children of its own; as a subreaper the leash finds even
those that were orphaned. Owners start a leash in a session of its own, so that `kill_session` can sweep up should
the leash be killed.
"""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence, Set
from pathlib import Path

GRACE_SECONDS = 3.0

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int, signum: int = signal.SIGKILL) -> None:
    """Ask the kernel for `signum` when the parent dies; end at once when it is dead already."""
    _libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def command_on_leash(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` on a leash."""
    return [sys.executable, "-P", "-m", "engine.leash", str(os.getpid()), "--", *command]


def kill_session(session: int) -> None:
    """Kill what is left of a leash's session, for when the leash itself was killed and could not."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if _parent_and_session(folder)[1] == session:
                os.kill(int(folder.name), signal.SIGKILL)


def descends(pid: int, roots: Set[int]) -> bool:
    """Whether `pid` is one of `roots`, or was started by one, or by what one started."""
    while pid > 1 and pid not in roots:
        try:
            pid, _ = _parent_and_session(Path(f"/proc/{pid}"))
        except OSError:
            return False
    return pid in roots


def _parent_and_session(folder: Path) -> tuple[int, int]:
    fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return int(fields[1]), int(fields[3])


def main(arguments: Sequence[str]) -> int:
    """Run the command after `--`; return its exit status, as a shell would number it."""
    parent, _, *command = arguments
    die_with_parent(int(parent), signal.SIGTERM)
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(signum, lambda *_: None)
    leash_pid = os.getpid()
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            process_group=0,
            # SIGTERM, not SIGKILL: a vLLM server that is killed leaves its engine core behind, asked it does not.
            preexec_fn=lambda: die_with_parent(leash_pid, signal.SIGTERM),  # noqa: PLW1509  (single-threaded here)
        )
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    _wait(child, wake_read)
    _end_all(child)
    code = child.returncode
    return 128 - code if code < 0 else code


def _wait(child: subprocess.Popen[bytes], wake_read: int) -> None:
    """Return when the child has ended or must end: told by a signal, or the owner's pipe closed."""
    selector = selectors.DefaultSelector()
    selector.register(wake_read, selectors.EVENT_READ)
    with contextlib.suppress(PermissionError):  # a regular file as standard input cannot be waited for
        selector.register(0, selectors.EVENT_READ)
    while child.poll() is None:
        for key, _ in selector.select():
            if key.fd == 0 and os.read(0, 4096):
                continue
            if key.fd == 0 or any(signum != signal.SIGCHLD for signum in os.read(wake_read, 64)):
                return


def _end_all(child: subprocess.Popen[bytes]) -> None:
    """Ask the group to end, wait a little, then kill it and whatever was orphaned onto us."""
    deadline = time.monotonic() + GRACE_SECONDS
    _signal_group(child.pid, signal.SIGTERM)
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()
    while orphans := _children():  # killing one may hand us its own children
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _signal_group(group: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)


def _children() -> list[int]:
    """Our living children, the orphans that we inherited included."""
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(pid) for pid in text.split()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
