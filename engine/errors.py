"""Every error that wattrace raises on purpose, as one tree.

::

    WattraceError
    ├── ConfigError        a demo file says something that cannot be
    │   └── DemoNotFound   no demo of that name, no such file
    ├── DeviceError        the hardware cannot give what was asked for
    │   └── NoDevice       there is no such device, driver or permission
    ├── SamplerDied        the sampler process ended by itself
    ├── ArmError           one arm, named
    │   ├── ArmUnavailable its interpreter, package or model is not there
    │   │   └── ArgumentRefused  its vLLM does not take one of its arguments
    │   ├── ArmNotReady    it did not become ready in time
    │   └── ArmExited      its process ended by itself
    ├── RecordingError     a recording cannot be read or written
    │   ├── RecordingNewer it was written by a later schema
    │   ├── RecordingFull  the disk took no more
    │   └── DiskNearlyFull the disk will soon take no more
    ├── NotComparable      recordings differ in what must be the same
    ├── PackageMissing     an optional package is not installed
    ├── ExportError        a recording cannot be put into another form
    └── ServerError        the server cannot do what it was asked to
        └── PortInUse      somebody else listens there

Facts are attributes; `__str__` composes one line: what was wrong, where, and what to do.
"""

import signal
from collections.abc import Sequence
from pathlib import Path


class WattraceError(Exception):
    """Base of the tree; commands print it as one line and exit with `exit_code`."""

    exit_code = 1


class ConfigError(WattraceError):
    """A demo file is wrong at `where`: `problem`, and `remedy` says what would be right."""

    exit_code = 2

    def __init__(self, *, file: str, where: str, problem: str, remedy: str = "") -> None:
        super().__init__(file, where, problem, remedy)
        self.file, self.where, self.problem, self.remedy = file, where, problem, remedy

    def __str__(self) -> str:
        place = f"{self.file}: {self.where}" if self.where else self.file
        return f"{place}: {self.problem}" + (f"; {self.remedy}" if self.remedy else "")


class DemoNotFound(ConfigError):
    """Neither a shipped demo nor a file has this `name`."""

    def __init__(self, name: str, *, known: Sequence[str], suggestion: str | None = None) -> None:
        hint = f"did you mean {suggestion!r}? " if suggestion else ""
        super().__init__(
            file=name,
            where="",
            problem="no demo of this name and no such file",
            remedy=f"{hint}shipped demos: {', '.join(known)}",
        )
        self.name, self.known, self.suggestion = name, known, suggestion


class DeviceError(WattraceError):
    """The hardware or its driver refused `what`; `remedy` says what to do."""

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.what, self.remedy = what, remedy

    def __str__(self) -> str:
        return self.what + (f"; {self.remedy}" if self.remedy else "")


class NoDevice(DeviceError):
    """There is no such device, no driver for it, or no permission to use it."""


class SamplerDied(WattraceError):
    """The sampler process ended by itself with `code`, having said `last_words`."""

    def __init__(self, *, code: int | None, last_words: str = "") -> None:
        super().__init__(code, last_words)
        self.code, self.last_words = code, last_words

    def __str__(self) -> str:
        tail = f": {self.last_words}" if self.last_words else ""
        return f"the sampler process {describe_exit(self.code)}{tail}; power is unknown from here on"


class ArmError(WattraceError):
    """Arm `arm` (its letter) has failed: `problem`; `remedy` says what to do."""

    def __init__(self, arm: str, problem: str, *, remedy: str = "", log_tail: Sequence[str] = ()) -> None:
        super().__init__(arm, problem, remedy, tuple(log_tail))
        self.arm, self.problem, self.remedy, self.log_tail = arm, problem, remedy, tuple(log_tail)

    def __str__(self) -> str:
        return f"arm {self.arm}: {self.problem}" + (f"; {self.remedy}" if self.remedy else "")


class ArmUnavailable(ArmError):
    """What the arm needs (an interpreter, a package, a model folder) is not on this machine."""


class ArgumentRefused(ArmUnavailable):
    """The arm's vLLM would not take one of its arguments: the demo file is wrong, or that vLLM is another version."""

    exit_code = 2


class ArmNotReady(ArmError):
    """The arm's server did not answer its health check and one warm-up token in time."""


class ArmExited(ArmError):
    """The arm's process ended by itself with exit status `code` (negative: killed by a signal)."""

    def __init__(self, arm: str, *, code: int | None, cause: str = "", log_tail: Sequence[str] = ()) -> None:
        last = cause or (log_tail[-1] if log_tail else "")
        super().__init__(arm, f"its process {describe_exit(code)}", remedy=last, log_tail=log_tail)
        self.code, self.cause = code, cause


class RecordingError(WattraceError):
    """The recording `path` cannot be read or written: `problem`."""

    def __init__(self, path: Path | str, problem: str, *, line: int | None = None) -> None:
        super().__init__(str(path), problem, line)
        self.path, self.problem, self.line = str(path), problem, line

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}, line {self.line}"
        return f"{place}: {self.problem}"


class RecordingNewer(RecordingError):
    """The recording was written with schema `found`, later than this wattrace's `known`."""

    def __init__(self, path: Path | str, *, found: int, known: int) -> None:
        problem = f"written with schema {found}, this wattrace reads up to {known}; upgrade wattrace to read it"
        super().__init__(path, problem)
        self.found, self.known = found, known


class RecordingFull(RecordingError):
    """The file system took no more bytes; everything before `written_bytes` is safe."""

    def __init__(self, path: Path | str, *, cause: OSError, written_bytes: int) -> None:
        problem = (
            f"cannot record further ({cause.strerror}); the {written_bytes} bytes written are safe; "
            "free some space or name another place with --out"
        )
        super().__init__(path, problem)
        self.cause, self.written_bytes = cause, written_bytes


class DiskNearlyFull(RecordingError):
    """There is hardly room left for the recording; it ends before there is none."""

    def __init__(self, path: Path | str, *, free_bytes: int) -> None:
        problem = f"the disk is nearly full ({free_bytes / 1e6:,.0f} MB are free), so the run ends while it can be told"
        super().__init__(path, f"{problem}; free some space or name another place with --out")
        self.free_bytes = free_bytes


class PackageMissing(WattraceError):
    """`package` is needed for what was asked, and not installed; wattrace's `extra` brings it."""

    def __init__(self, package: str, *, extra: str) -> None:
        super().__init__(package, extra)
        self.package, self.extra = package, extra

    def __str__(self) -> str:
        return f"{self.package} is not installed; pip install 'wattrace[{self.extra}]' brings it"


class NotComparable(WattraceError):
    """Recordings differ in what must be the same for a comparison; each of `differences` says in what, and which."""

    def __init__(self, differences: Sequence[str]) -> None:
        super().__init__(tuple(differences))
        self.differences = tuple(differences)

    def __str__(self) -> str:
        return f"the recordings differ in {'; in '.join(self.differences)}; --anyway compares them all the same"


class ExportError(WattraceError):
    """What is in `path` cannot be put into that form, or there: `problem`."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(str(path), problem)
        self.path, self.problem = str(path), problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class ServerError(WattraceError):
    """The server cannot do what it was asked to: `problem`."""


class PortInUse(ServerError):
    """Another program listens on `host`:`port`."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.host, self.port = host, port

    def __str__(self) -> str:
        return (
            f"port {self.port} on {self.host} is in use by another program; "
            f"stop it, or choose another with --port (0 picks a free one)"
        )


def describe_exit(code: int | None) -> str:
    """Say how a process ended: `code` as subprocess gives it (negative: the signal), None if unknown."""
    if code is None:
        return "ended"
    if code >= 0:
        return f"exited with status {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
