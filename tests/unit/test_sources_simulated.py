import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from engine.clock import NS, FakeClock
from engine.errors import NoDevice
from engine.metrics import FAST_LANE, SLOW_LANE
from engine.occupancy import Load, Occupancy
from engine.simulator.model import GPU_MEMORY_BYTES
from engine.sources.simulated import TICK_NS, Board, SimulatedGpu, _following, open_simulated

QUIET = Board(noise_watts=0.0)
DECODE = Load(running=8, memory_share=1.0)


class Script:
    """A load that tests set."""

    def __init__(self) -> None:
        self.now: list[Load] = []

    def __call__(self) -> list[Load]:
        return self.now


def follow(gpu: SimulatedGpu, clock: FakeClock, seconds: float, step: float = 0.01) -> list[tuple[float, ...]]:
    """Read every `step` for `seconds`: rows of (t_ns, instant, average, joules)."""
    rows = []
    for _ in range(round(seconds / step)):
        clock.advance(step)
        rows.append((clock.now_ns(), *gpu.read_fast()))
    return rows


def slow(gpu: SimulatedGpu) -> dict[str, float | int | None]:
    return {name: value for call in gpu.slow_calls for name, value in zip(call.columns, call.read(), strict=True)}


def test_every_known_column_is_offered_or_refused_with_a_reason():
    gpu = SimulatedGpu(FakeClock())
    offered = {name for call in gpu.slow_calls for name in call.columns}
    assert gpu.fast_columns == FAST_LANE
    assert offered | set(gpu.unsupported) == set(SLOW_LANE)
    assert not offered & set(gpu.unsupported)
    assert all(gpu.unsupported.values())


def test_its_memory_is_what_its_arms_hold_and_never_more_than_there_is(tmp_path: Path):
    assert Board().memory_bytes == GPU_MEMORY_BYTES, "the servers reckon with the same board"
    arms = Occupancy.create(tmp_path / "occupancy", [[0], [0], [1]])
    gpu = open_simulated(FakeClock(), tmp_path / "occupancy")
    for slot, held in enumerate((30_000_000_000, 48_000_000_000, 20_000_000_000)):
        arms.hold(slot, held)
    assert slow(gpu)["memory_used_bytes"] == 78_000_000_000
    arms.hold(0, 60_000_000_000)
    assert slow(gpu)["memory_used_bytes"] == gpu.provenance()["memory_total_bytes"] == 80_000_000_000
    gpu.close()
    arms.close()


def test_an_idle_gpu_draws_its_idle_power_from_the_first_reading():
    clock = FakeClock()
    gpu = SimulatedGpu(clock, board=QUIET, seed=3)
    for _, instant, average, _ in follow(gpu, clock, 2):
        assert instant == pytest.approx(75)
        assert average == pytest.approx(75)


@pytest.mark.parametrize(
    ("loads", "watts"),
    [
        ([DECODE], 75 + 230),
        ([Load(running=1, compute_share=1.0)], 75 + 330),
        ([DECODE, DECODE], 75 + 230),
        ([DECODE, Load(running=4, compute_share=1.0)], 75 + 230 + 330),
    ],
)
def test_power_follows_the_load_up_to_a_whole_gpu(loads: list[Load], watts: float):
    assert Board().watts(loads) == pytest.approx(watts)


def test_power_is_sub_linear_and_never_above_the_limit():
    board = Board(limit_watts=300)
    half = board.watts([Load(memory_share=0.5)])
    assert 75 + 115 < half < 75 + 230
    assert board.watts([DECODE]) == 300


def test_the_same_seed_and_load_give_the_same_readings():
    def readings(seed: int) -> list[tuple[float, ...]]:
        clock, script = FakeClock(), Script()
        gpu = SimulatedGpu(clock, script, seed=seed)
        rows = follow(gpu, clock, 1)
        script.now = [DECODE]
        return rows + follow(gpu, clock, 1)

    assert readings(7) == readings(7)
    assert readings(7) != readings(8)


def test_fields_are_held_for_a_tick_and_change_together_at_a_seeded_phase():
    clock = FakeClock()
    rows = follow(SimulatedGpu(clock, seed=5), clock, 3, step=0.001)
    changes = [later[0] for earlier, later in pairwise(rows) if earlier[1:] != later[1:]]
    assert {later - earlier for earlier, later in pairwise(changes)} == {TICK_NS}
    other_clock = FakeClock()
    others = follow(SimulatedGpu(other_clock, seed=6), other_clock, 0.3, step=0.001)
    first_other = next(later[0] for earlier, later in pairwise(others) if earlier[1:] != later[1:])
    assert first_other % TICK_NS != changes[0] % TICK_NS


def test_the_counter_is_exact_however_often_it_is_read():
    def spent(step: float) -> float:
        clock, script = FakeClock(), Script()
        gpu = SimulatedGpu(clock, script, board=QUIET, seed=2)
        first = follow(gpu, clock, 1, step=step)[-1]
        script.now = [DECODE]
        gpu.read_fast()
        return follow(gpu, clock, 2, step=step)[-1][3] - first[3]

    # Two seconds at 305 W, less the part of the first tick that was idle; in whole millijoules.
    assert spent(0.01) == pytest.approx(spent(0.5), abs=0.002)
    assert 305 * 1.9 + 75 * 0.1 - 0.002 <= spent(0.01) <= 305 * 2 + 0.002


def test_the_counter_counts_whole_millijoules_and_did_not_start_at_zero():
    clock = FakeClock()
    rows = follow(SimulatedGpu(clock, seed=4), clock, 1)
    assert rows[0][3] > 1000
    assert all(row[3] * 1000 == pytest.approx(round(row[3] * 1000), abs=1e-3) for row in rows)


def test_the_instant_field_sees_only_the_last_quarter_of_its_tick():
    # A load that is on except in the sensor's window is never seen by the instant field, but it is paid for.
    clock, script = FakeClock(), Script()
    gpu = SimulatedGpu(clock, script, board=QUIET, seed=1)
    phase_ns = next(later[0] for earlier, later in pairwise(rows_of(gpu, clock)) if earlier[3] != later[3])
    rows = []
    for _ in range(2000):
        clock.advance(0.001)
        into_tick = (clock.now_ns() - phase_ns) % TICK_NS
        script.now = [DECODE] if into_tick < 70_000_000 else []
        rows.append(gpu.read_fast())
    assert rows[-1][0] == pytest.approx(75, abs=0.5)
    assert rows[-1][1] == pytest.approx(75 + 230 * 0.7, abs=5)


def rows_of(gpu: SimulatedGpu, clock: FakeClock) -> list[tuple[float, ...]]:
    return follow(gpu, clock, 0.2, step=0.001)


def test_the_average_takes_a_second_to_arrive():
    clock, script = FakeClock(), Script()
    gpu = SimulatedGpu(clock, script, board=QUIET, seed=1)
    follow(gpu, clock, 1)
    script.now = [DECODE]
    gpu.read_fast()
    rows = follow(gpu, clock, 1.5)
    half = next(row for row in rows if row[0] >= 1.5 * NS)
    assert 75 + 230 * 0.35 < half[2] < 75 + 230 * 0.65
    assert rows[-1][2] == pytest.approx(305)


def test_ten_seconds_of_decoding_show_in_the_temperature_and_it_cools_again():
    clock, script = FakeClock(), Script()
    gpu = SimulatedGpu(clock, script)
    idle = slow(gpu)["temperature_celsius"]
    script.now = [DECODE]
    gpu.read_fast()
    follow(gpu, clock, 10)
    warm = slow(gpu)
    script.now = []
    gpu.read_fast()
    follow(gpu, clock, 30)
    assert warm["temperature_celsius"] >= idle + 6
    assert idle <= warm["memory_temperature_celsius"] < warm["temperature_celsius"]
    assert slow(gpu)["temperature_celsius"] <= idle + 1


def test_utilisation_clocks_and_reasons_tell_busy_from_idle_from_capped():
    clock, script = FakeClock(), Script()
    gpu = SimulatedGpu(clock, script, board=Board(limit_watts=250))
    gpu.read_fast()
    idle = slow(gpu)
    script.now = [DECODE]
    gpu.read_fast()
    busy = slow(gpu)
    assert (idle["utilization_percent"], busy["utilization_percent"]) == (0, 100)
    assert idle["clock_sm_megahertz"] < busy["clock_sm_megahertz"]
    assert (idle["throttle_reasons"], busy["throttle_reasons"]) == (0x1, 0x4)
    assert busy["power_limit_watts"] == 250


def test_it_follows_the_arms_in_an_occupancy_file(tmp_path: Path):
    path = tmp_path / "occupancy"
    arms = Occupancy.create(path)
    clock = FakeClock()
    gpu = open_simulated(clock, path, seed=1)
    arms.write(2, DECODE)
    rows = follow(gpu, clock, 2)
    assert rows[-1][1] == pytest.approx(305, abs=3)
    gpu.close()
    arms.close()


def test_loads_are_made_anew_only_when_an_arm_has_written(tmp_path: Path):
    arms = Occupancy.create(tmp_path / "occupancy")
    loads = _following(arms, [1, 2])
    idle = loads()
    assert idle == [Load(), Load()] and loads() is idle
    arms.write(2, DECODE)
    assert loads() == [Load(), DECODE]
    arms.hold(2, 1 << 30)
    assert loads() == [Load(), DECODE]
    arms.close()


def test_without_a_file_it_idles():
    clock = FakeClock()
    assert follow(open_simulated(clock, None), clock, 1)[-1][1] == pytest.approx(75, abs=3)


def test_an_occupancy_file_that_is_missing_or_too_short_is_said(tmp_path: Path):
    with pytest.raises(NoDevice, match=r"nowhere.*Occupancy\.create"):
        open_simulated(FakeClock(), tmp_path / "nowhere")
    (tmp_path / "short").write_bytes(b"")
    with pytest.raises(NoDevice, match="short"):
        open_simulated(FakeClock(), tmp_path / "short")


def test_a_long_run_keeps_no_more_of_the_past_than_its_windows_need():
    clock, script = FakeClock(), Script()
    gpu = SimulatedGpu(clock, script, board=QUIET)
    for number in range(5000):
        script.now = [DECODE] if number % 2 else []
        follow(gpu, clock, 0.01)
    assert len(gpu._body._times) < 500
    assert gpu.read_fast()[1] == pytest.approx((75 + 305) / 2, abs=3)


def listed(gpu: SimulatedGpu) -> tuple[object, ...]:
    assert gpu.process_call is not None
    return tuple(gpu.process_call.read())


FOREIGN = """
import sys
from pathlib import Path
from engine.occupancy import Load, Occupancy
Occupancy(Path(sys.argv[1])).write(7, Load())
print(flush=True)
input()
"""


def test_who_writes_a_slot_computes_on_the_gpu_until_its_end(tmp_path: Path):
    path = tmp_path / "occupancy"
    arms = Occupancy.create(path)
    gpu = open_simulated(FakeClock(), path)
    assert listed(gpu) == (0, "")
    arms.write(0, Load())
    assert listed(gpu) == (1, str(os.getpid()))
    with subprocess.Popen([sys.executable, "-c", FOREIGN, str(path)], stdin=-1, stdout=-1) as foreign:
        assert foreign.stdout is not None
        foreign.stdout.readline()
        assert listed(gpu) == (2, ",".join(map(str, sorted((os.getpid(), foreign.pid)))))
        foreign.kill()
    assert listed(gpu) == (1, str(os.getpid()))
    gpu.close()
    arms.close()


def test_without_a_file_nobody_computes():
    assert listed(open_simulated(FakeClock(), None)) == (0, "")
