"""What is detected of sensors is told in their descriptor: once it is known, and again when it changes."""

import pytest
from polled import MS, meter_of, square
from story import SECOND

from engine.documents import Column, Descriptor, decode, encode
from engine.energy import EnergyMeter
from engine.renewals import Renewals
from engine.rig import Rig

NAMES = ("power_instant_watts", "power_average_watts", "energy_joules")


def described(**windows_ns: int) -> Descriptor:
    columns = {name: Column(unit="W", kind="gauge", window_ns=windows_ns.get(name)) for name in NAMES}
    return Descriptor(stream="gpu0", t_ns=0, source="nvml", device="GPU-1", columns=columns)


def periods(descriptor: Descriptor | None) -> list[int | None]:
    assert descriptor is not None
    return [descriptor.columns[name].detected_period_ns for name in NAMES]


def ticking(every_ms: int, seconds: int, meter: EnergyMeter | None = None, from_ms: int = 0) -> EnergyMeter:
    """A meter of a device all of whose fields are renewed so often."""
    meter = meter or EnergyMeter()
    for ms in range(from_ms, from_ms + 1000 * seconds, 5):
        tick = ms // every_ms
        meter.add(ms * MS, instant=300.0 + tick % 7, average=300.0 + tick % 5 / 10, joules=0.3 * tick * every_ms)
    return meter


@pytest.mark.parametrize("poll_ms", [1.0, 9.7])
def test_periods_are_told_within_the_first_seconds_and_once(poll_ms: float) -> None:
    renewals, meter = Renewals(), meter_of(square(0.37), seconds=4.0, poll_ms=poll_ms)
    assert renewals.look(described(), meter, 2 * SECOND) is None, "the first page: nothing is known yet"
    assert renewals.look(described(), meter, 3 * SECOND) is None
    again = renewals.look(described(), meter, 4 * SECOND)
    assert periods(again) == [pytest.approx(100 * MS, rel=0.02)] * 3
    assert again is not None and again.t_ns == 4 * SECOND and again.stream == "gpu0"
    assert renewals.look(described(), meter, 10 * SECOND) is None, "it is the same still"


def test_a_sensor_that_changes_its_period_is_described_again() -> None:
    renewals, meter = Renewals(), ticking(100, 4)
    renewals.look(described(), meter, 0)
    assert periods(renewals.look(described(), meter, 4 * SECOND))[2] == 100 * MS
    ticking(20, 4, meter, from_ms=4000)
    assert renewals.look(described(), meter, 8 * SECOND) is None, "it is looked at every five seconds"
    assert periods(renewals.look(described(), meter, 9 * SECOND)) == [pytest.approx(20 * MS, rel=0.02)] * 3


def test_what_ends_early_is_told_at_the_end_and_nothing_of_what_is_not_known() -> None:
    renewals = Renewals()
    assert renewals.look(described(), EnergyMeter(), SECOND, last=True) is None
    assert (
        periods(renewals.look(described(), ticking(100, 1), SECOND, last=True))
        == [pytest.approx(100 * MS, rel=0.02)] * 3
    )


def test_a_window_that_nobody_documents_is_told_as_assumed() -> None:
    meter = meter_of(square(0.37), seconds=4.0)
    documented = Renewals().look(described(power_instant_watts=25 * MS), meter, SECOND, last=True)
    assert documented is not None and documented.columns[NAMES[0]].window_origin == "documented"
    unknown = EnergyMeter()
    ticking(100, 3, unknown)
    assumed = Renewals().look(described(), unknown, SECOND, last=True)
    assert assumed is not None
    column = assumed.columns[NAMES[0]]
    assert column.window_ns == pytest.approx(25 * MS, rel=0.02) and column.window_origin == "assumed"
    assert assumed.columns[NAMES[1]].window_ns is None and assumed.columns[NAMES[2]].window_ns is None


def test_an_assumed_window_is_not_taken_for_a_documented_one_by_whoever_reads_it() -> None:
    assumed = Renewals().look(described(power_average_watts=SECOND), ticking(100, 3), SECOND, last=True)
    assert assumed is not None
    read = decode(encode(assumed))
    assert read == assumed and isinstance(read, Descriptor)
    assert read.documented_windows_ns == {"power_average_watts": SECOND}
    rig = Rig()
    rig.describe(read)
    assert rig._new_meter(read).window(NAMES[0]) == (None, None)
