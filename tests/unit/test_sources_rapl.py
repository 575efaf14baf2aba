from pathlib import Path

import pytest

from engine.errors import NoDevice
from engine.sources.rapl import RaplCpu, open_rapl


class Machine:
    """A powercap folder of our own."""

    def __init__(self, root: Path) -> None:
        self.root, self.cpuinfo = root / "powercap", root / "cpuinfo"
        self.cpuinfo.write_text("processor : 0\nmodel name : Test CPU @ 3 GHz\n")
        self.root.mkdir()

    def zone(self, folder: str, name: str, energy_uj: int = 0, range_uj: int = 999_999) -> Path:
        path = self.root / folder
        path.mkdir()
        (path / "name").write_text(f"{name}\n")
        (path / "max_energy_range_uj").write_text(f"{range_uj}\n")
        self.set(path, energy_uj)
        return path

    def set(self, zone: Path, energy_uj: int) -> None:
        (zone / "energy_uj").write_text(f"{energy_uj}\n")

    def open(self):
        return open_rapl(self.root, self.cpuinfo)


def read(cpu: RaplCpu) -> tuple[float | None, ...]:
    return cpu.readings(cpu.read_fast())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_packages_are_summed_and_their_parts_are_not(machine: Machine):
    machine.zone("intel-rapl:0", "package-0", 1_000)
    machine.zone("intel-rapl:1", "package-1", 2_000)
    machine.zone("intel-rapl:0:0", "core", 500)
    machine.zone("intel-rapl:2", "psys", 9_000)
    cpu = machine.open()
    assert read(cpu) == (0.003,)
    assert cpu.fast_columns == ("energy_joules",)
    assert set(cpu.unsupported) == {"power_instant_watts", "power_average_watts", "dram_energy_joules"}
    assert cpu.device_id == "rapl:package-0+package-1"
    assert cpu.provenance()["name"] == cpu.device_name == "Test CPU @ 3 GHz"
    assert not cpu.slow_calls
    cpu.close()


def test_memory_has_a_column_of_its_own(machine: Machine):
    machine.zone("intel-rapl:0", "package-0", 1_000)
    dram = [machine.zone(f"intel-rapl:{number}:0", "dram", 2_000, range_uj=9_999) for number in range(2)]
    cpu = machine.open()
    assert cpu.fast_columns == ("energy_joules", "dram_energy_joules")
    assert read(cpu) == (0.001, 0.004)
    assert cpu.provenance()["dram"] is True
    machine.set(dram[0], 1_000)
    assert read(cpu) == (0.001, pytest.approx(0.013))
    (dram[1] / "energy_uj").unlink()
    assert read(cpu) == (0.001, None)
    assert cpu.failure


def test_memory_that_may_not_be_read_is_said_and_the_packages_are_read(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    machine.zone("intel-rapl:0", "package-0", 1_000)
    machine.zone("intel-rapl:0:0", "dram")
    forbid(monkeypatch, "intel-rapl:0:0")
    cpu = machine.open()
    assert read(cpu) == (0.001,)
    assert "sudo chmod a+r" in cpu.unsupported["dram_energy_joules"]
    assert cpu.provenance()["dram"] is False


def forbid(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """Patched, since file modes do not stop root, as whom tests may run."""
    read_text = Path.read_text

    def refuse(self: Path, *args: str, **options: str) -> str:
        if self.name == "energy_uj" and self.parent.name == zone:
            raise PermissionError(13, "Permission denied", str(self))
        return read_text(self, *args, **options)

    monkeypatch.setattr(Path, "read_text", refuse)


def test_a_counter_that_wraps_goes_on_rising(machine: Machine):
    zone = machine.zone("intel-rapl:0", "package-0", 999_000)
    cpu = machine.open()
    seen = []
    for energy in (999_900, 100, 500_000, 999_999, 0):
        machine.set(zone, energy)
        seen.append(read(cpu)[0])
    assert seen == pytest.approx([0.9999, 1.0001, 1.5, 1.999999, 2.0])


RANGE_UJ = 262_143_328_850
"""Of many Intel processors."""


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("before_uj", "seconds", "after_uj", "joules"),
    [
        (RANGE_UJ - 100_000, 0.001, 150_000, 0.250001),
        (RANGE_UJ - 90_000_000, 0.9, 10_000_000, 100.000001),
        (100_000_000_000, 3600.0, 20_000_000_000, 182_143.328851),
    ],
    ids=["a millisecond", "a second", "an hour without a reading"],
)
def test_a_fall_that_its_time_explains_is_a_wrap(
    machine: Machine, before_uj: int, seconds: float, after_uj: int, joules: float
):
    clock = Clock()
    zone = machine.zone("intel-rapl:0", "package-0", before_uj, RANGE_UJ)
    cpu = open_rapl(machine.root, machine.cpuinfo, clock=clock)
    clock.seconds += seconds
    machine.set(zone, after_uj)
    assert read(cpu) == (pytest.approx(before_uj / 1e6 + joules, abs=1e-6),)


@pytest.mark.parametrize("seconds", [0.001, 30.0])
def test_a_fall_that_no_processor_could_explain_is_a_reset_and_falls(machine: Machine, seconds: float):
    """After a suspend it begins at zero: the meter then says `counter_reset`, as of a GPU's."""
    clock = Clock()
    zone = machine.zone("intel-rapl:0", "package-0", 100_000_000_000, RANGE_UJ)
    cpu = open_rapl(machine.root, machine.cpuinfo, clock=clock)
    seen = []
    for energy in (100_001_000_000, 5_000_000, 6_000_000):
        clock.seconds += seconds
        machine.set(zone, energy)
        seen.append(read(cpu)[0])
    assert seen == pytest.approx([100_001.0, 5.0, 6.0])


def test_a_reset_of_one_package_is_no_energy_of_all(machine: Machine):
    clock = Clock()
    zones = [machine.zone(f"intel-rapl:{n}", f"package-{n}", 100_000_000_000, RANGE_UJ) for n in range(2)]
    cpu = open_rapl(machine.root, machine.cpuinfo, clock=clock)
    clock.seconds += 0.001
    machine.set(zones[1], 1_000_000)
    assert read(cpu) == (pytest.approx(100_001.0),)


def test_a_reading_that_fails_is_missing_and_nothing_is_lost(machine: Machine):
    zone = machine.zone("intel-rapl:0", "package-0", 1_000)
    cpu = machine.open()
    (zone / "energy_uj").unlink()
    assert read(cpu) == (None,)
    assert "energy_uj" in str(cpu.failure)
    machine.set(zone, 3_000)
    assert read(cpu) == (0.003,)
    assert cpu.failure is None


def test_no_counters_at_all(machine: Machine):
    machine.zone("intel-rapl:0:0", "core")
    with pytest.raises(NoDevice, match=r"no energy counter.*virtual machines"):
        machine.open()


def test_the_missing_permission_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.zone("intel-rapl:0", "package-0")
    forbid(monkeypatch, "intel-rapl:0")
    with pytest.raises(NoDevice, match=r"no permission to read .*energy_uj.*sudo chmod a\+r .*energy_uj"):
        machine.open()


def test_a_counter_that_is_not_a_number_is_said(machine: Machine):
    zone = machine.zone("intel-rapl:0", "package-0")
    (zone / "energy_uj").write_text("rubbish\n")
    with pytest.raises(NoDevice, match="rubbish"):
        machine.open()
