"""The server's settings: one frozen record, read once from WATTRACE_* variables, strictly."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from engine.errors import ConfigError

DEFAULT_PORT = 8765
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ANY_HOST = "*"


@dataclass(frozen=True)
class Settings:
    """What can be set about the server; `wattrace demo` overrides `host` and `port` by its options."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0 picks a free one."""
    viewers: int = 2000
    """The most viewers that are let in at the same time."""
    frame_rate: float = 20.0
    """Frames a second."""
    viewers_per_address: int = 0
    """The most that are let in from one address; 0: no such limit, since a hall is one address behind its router."""
    recorders: int = 32
    """The most that copy whole recordings at the same time."""
    crowd: int = 600
    """More viewers than this get two frames at a time, which is half as much to write and to send through the air."""
    credit: int = 12
    """Frames that a viewer may leave unacknowledged before it gets only the newest."""
    eviction_seconds: float = 10.0
    """A viewer that makes no progress for so long is disconnected."""
    origins: tuple[str, ...] = ()
    """Other origins that may watch and control, as `https://stage.example`."""
    hosts: tuple[str, ...] = ()
    """Further host names under which this server may be addressed; `*`: any."""
    data: Path | None = None
    """Where recordings go; None: the platform's folder for application data."""
    token: str | None = None
    """The presenter's bearer token; None: a random one."""

    @property
    def period_ns(self) -> int:
        """Nanoseconds between two frames."""
        return round(1e9 / self.frame_rate)

    @property
    def data_folder(self) -> Path:
        """Where recordings go."""
        if self.data is not None:
            return self.data
        from platformdirs import user_data_path

        return user_data_path("wattrace")

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK or self.host.startswith("127.")


def from_environment(environ: Mapping[str, str]) -> Settings:
    """The settings that the WATTRACE_* variables in `environ` ask for; the others keep their defaults.

    Raises ConfigError, which names the variable, for a value that cannot be.
    """
    given: dict[str, Any] = {}
    for name, text in environ.items():
        if name.startswith("WATTRACE_"):
            field = name.removeprefix("WATTRACE_").lower()
            if field in _READERS:
                given[field] = _read(name, field, text)
            else:
                _refuse_misspelt(name)
    return replace(Settings(), **given)


def _read(name: str, field: str, text: str) -> Any:
    reader, right = _READERS[field]
    try:
        return reader(text.strip())
    except ValueError:
        shown = "" if field == "token" else f" (it is {text!r:.60})"
        raise ConfigError(
            file="environment", where=name, problem=f"cannot be used{shown}", remedy=f"{right} would be right"
        ) from None


def _refuse_misspelt(name: str) -> None:
    """Other parts have variables of their own, so only a name that resembles one of ours is an error."""
    known = [f"WATTRACE_{field.name.upper()}" for field in fields(Settings)]
    if close := difflib.get_close_matches(name, known, n=1, cutoff=0.9):
        raise ConfigError(
            file="environment", where=name, problem="unknown variable", remedy=f"did you mean {close[0]}?"
        )


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return read


def _real(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError
        return value

    return read


def _some(text: str) -> str:
    if not text:
        raise ValueError
    return text


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.rstrip("/") for origin in _list(text))
    if any(not origin.startswith(("http://", "https://")) for origin in origins):
        raise ValueError
    return origins


def _secret(text: str) -> str:
    # Short tokens can be guessed; other characters do not travel in a header.
    if len(text) < 16 or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError
    return text


_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "host": (_some, "a host name or an address"),
    "port": (_whole(0, 65535), "a whole number from 0 to 65535"),
    "viewers": (_whole(1, 100_000), "a whole number from 1 to 100000"),
    "viewers_per_address": (_whole(0, 100_000), "a whole number from 0 to 100000"),
    "recorders": (_whole(0, 10_000), "a whole number from 0 to 10000"),
    "frame_rate": (_real(1, 60), "a number from 1 to 60"),
    "crowd": (_whole(0, 100_000), "a whole number from 0 to 100000"),
    "credit": (_whole(12, 10_000), "a whole number from 12 to 10000"),
    "eviction_seconds": (_real(0.1, 3600), "a number of seconds from 0.1 to 3600"),
    "origins": (_origins, "origins like https://stage.example, separated by commas,"),
    "hosts": (_list, "host names, separated by commas, or *"),
    "data": (lambda text: Path(_some(text)).expanduser(), "a folder"),
    "token": (_secret, "at least 16 printable ASCII characters without spaces"),
}
