"""What every device looks like to the sampler: a fast lane, a slow lane, and who it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import JsonValue

Reading = float | int | None
"""One value in the unit that its metric's name says; None when the device did not answer."""

Answer = Any
"""What a device's fast call gave, which only the device itself can read."""


@dataclass(frozen=True)
class SlowCall:
    """One driver call of the slow lane: `read` gives one reading for each of `columns`, and never raises."""

    columns: tuple[str, ...]
    read: Callable[[], Sequence[Reading]]


@dataclass(frozen=True)
class ProcessCall:
    """The driver call that lists who computes on the device: `read` gives a count and a text, and never raises."""

    columns: tuple[str, ...]
    read: Callable[[], Sequence[Reading | str]]


class Source(Protocol):
    """One device. Opening it is the implementation's business; from then on nothing here raises.

    A column that the device refuses stands in `unsupported` with the driver's reason and is offered nowhere;
    a reading that fails is None and is tried again by the next call.
    """

    kind: str
    """`nvml`, `simulated` or `rapl`: a descriptor's `source`."""
    index: int
    device_id: str
    device_name: str
    fast_columns: tuple[str, ...]
    """The columns of FAST_LANE and EXTRA_LANE that the device has, in that order."""
    slow_calls: tuple[SlowCall, ...]
    process_call: ProcessCall | None
    """Milliseconds on some drivers, so it belongs to no loop that has a deadline; None where it is refused."""
    unsupported: Mapping[str, str]
    windows_ns: Mapping[str, int]
    """How long the sensor looks for one value, by column, where that is documented."""
    notes: tuple[str, ...]
    """What a reader of this device's numbers must know from the start."""
    failure: str | None
    """Why the newest of `readings` are missing, in the driver's words; None while all is well."""

    def read_fast(self) -> Answer:
        """One sample, in as few driver calls as the device allows, and as it came: caches are cold when it is due."""

    def readings(self, answer: Answer) -> tuple[Reading, ...]:
        """What `read_fast` answered, as one reading for each of `fast_columns`; asked in that order, page by page."""

    def provenance(self) -> dict[str, JsonValue]:
        """What a reader needs to know about the device a year from now; unknown is None."""

    def close(self) -> None:
        """Let the device go."""


@dataclass(frozen=True)
class Candidate:
    """A device that is there, and that has not been asked anything yet.

    `open` asks it; it raises DeviceError, and takes as long as the driver does, which may be for ever.
    """

    kind: str
    index: int
    open: Callable[[], Source]
