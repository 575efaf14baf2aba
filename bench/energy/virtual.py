"""The accuracy table without real time: samples as a poll would give them, made up exactly, fed to EnergyMeter.

    python -m bench.energy.virtual [--trials 200] [--recordings 8] [--rate 1000 100] [--case WORD] [--seed 1]

The same seed gives the same table. It says nothing about the sampler; `python -m bench.energy` measures that too.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.energy.boards import BOARDS, NOTHING, Sensors
from bench.energy.cases import BEATING, LONG, OTHERS, SIGNALS, Case, all_cases
from bench.energy.poll import stamps
from bench.energy.score import Score, Trial, coverage
from bench.energy.signals import Signal
from engine.clock import NS
from engine.energy import EnergyMeter, WindowEnergy

LEAD_IN, LEAD_OUT = 1.1, 0.3
"""Seconds that `wattrace measure` samples before and after the window."""

WINDOWS_NS = {"power_average_watts": NS}
RATES = (1000, 100)
ALL = SIGNALS | BEATING | OTHERS
RECORDING_SECONDS, WINDOWS = 12.0, 36
AGAIN = 5.3
"""After so many seconds a burst or a ramp comes again in a long recording."""


def sampled(case: Case, signal: Signal, rate_hz: int, seconds: float, random: Random) -> EnergyMeter:
    """A meter that has read a board while it drew `signal`, from LEAD_IN before second 0 to LEAD_OUT after the end."""
    meter = EnergyMeter(WINDOWS_NS)
    together = random.random() < 0.5
    sensors = Sensors(BOARDS[case.board], signal, random, together=together, from_sensor=case.counter_from_sensor)
    fault_at = random.uniform(0.3, 0.6) * seconds
    zero = None
    for stamp, true_at in stamps(rate_hz, -LEAD_IN - random.random() / rate_hz, seconds + LEAD_OUT, random):
        reading = sensors.read(true_at)
        joules = reading.joules
        if case.fault == "lost" and fault_at <= true_at < fault_at + 1:
            reading, joules = NOTHING, None
        elif case.fault == "reset" and true_at >= fault_at and joules is not None:
            zero = joules if zero is None else zero
            joules = round(joules - zero, 3)
        meter.add(moment(stamp), instant=reading.instant, average=reading.average, joules=joules)
    return meter


def moment(t: float) -> int:
    """Seconds after the window's start on a clock that has run for an hour."""
    return round((3600 + t) * NS)


def trial(case: Case, rate_hz: int, seed: str) -> Trial:
    """One measurement at random phases."""
    random = Random(seed)
    signal = case.drawn(random)
    meter = sampled(case, signal, rate_hz, case.seconds, random)
    asked = moment(0), moment(case.seconds)
    energy = meter.snapped(*asked) if case.window == "seconds" else meter.given(*asked)
    return judged(energy, signal, asked)


def judged(energy: WindowEnergy, signal: Signal, asked: tuple[int, int]) -> Trial:
    """The figure beside the truth of the window that it is about."""
    truth = signal.joules(energy.start_ns / NS - 3600, energy.end_ns / NS - 3600)
    off = max(abs(energy.start_ns - asked[0]), abs(energy.end_ns - asked[1])) / NS
    return Trial(
        truth,
        energy.energy_joules,
        energy.uncertainty_joules,
        tuple(str(reason) for reason in energy.reasons),
        energy.valid,
        energy.method or "",
        off,
    )


# ---- the table


def line(case: Case, rates: Sequence[int], trials: int, seed: int) -> str:
    """One row: for each rate the worst of 8 and of all."""
    cells, wrong, unasked, off = [], [], [], 0.0
    for rate_hz in rates:
        name = f"{seed} {case.name} {case.window} {case.seconds} {case.board} {rate_hz}"
        score = Score(case, [trial(case, rate_hz, f"{name} {number}") for number in range(trials)])
        cells.append(f"{Score(case, score.trials[:8]).worst:8.3f} {score.worst:8.3f}")
        wrong += [f"{rate_hz} Hz: {words}" for words in score.wrong()]
        unasked += [f"{rate_hz} Hz: {score.unasked()}"] if score.unasked() else []
        off = max(off, *(each.edges_off for each in score.trials))
    asked = "-" if case.percent is None else f"{case.percent:g}"
    what = f"{case.name}, {case.board}" if case.board != "hopper" else case.name
    head = f"{what:42} {case.window:7} {case.seconds:4}  {asked:>5}  {'  '.join(cells)}  {1000 * off:4.0f}"
    return f"{head}  {'; '.join(wrong) or 'yes'}" + (f"  [{'; '.join(unasked)}]" if unasked else "")


def windows_of(what: tuple[str, int], rate_hz: int, seed: int) -> list[Trial]:
    """Random windows of commands out of one recording of the signal, by its name and the recording's number."""
    name, number = what
    random = Random(f"{seed} recording {name} {rate_hz} {number}")
    case = Case(name, ALL[name], seconds=LONG)
    drawn = case.drawn(random)
    if not drawn.period:
        drawn = replace(drawn, period=AGAIN)
    meter = sampled(case, drawn, rate_hz, RECORDING_SECONDS, random)
    found = []
    for _ in range(WINDOWS):
        seconds = random.uniform(0.3, 5)
        start = random.uniform(0, RECORDING_SECONDS - seconds)
        asked = moment(start), moment(start + seconds)
        found.append(judged(meter.given(*asked), drawn, asked))
    return found


def short_recording(rate_hz: int, seed: int, number: int) -> Trial:
    """A command of random length under a random signal, with nothing but its own recording."""
    random = Random(f"{seed} command {rate_hz} {number}")
    name = random.choice(list(SIGNALS))
    return trial(Case(name, SIGNALS[name], "command", round(random.uniform(0.3, LONG), 3)), rate_hz, f"{seed} {number}")


def coverage_lines(rate_hz: int, recordings: int, seed: int, pool: ProcessPoolExecutor) -> list[str]:
    """Coverage and sharpness of the uncertainty: for each signal, for all of them mixed, for commands on their own."""
    which = [(name, number) for name in ALL for number in range(recordings)]
    found: dict[str, list[Trial]] = {name: [] for name in ALL}
    for (name, _), trials in zip(which, pool.map(partial(windows_of, rate_hz=rate_hz, seed=seed), which), strict=True):
        found[name] += trials
    alone = list(pool.map(partial(short_recording, rate_hz, seed), range(WINDOWS * recordings), chunksize=10))
    rows = [*found.items()]
    for what, chosen in (("mixed, long recordings", SIGNALS), ("others, mixed", OTHERS)):
        rows.append((what, [each for name in chosen for each in found[name]]))
    rows.append(("mixed, own recordings", alone))
    return [coverage_line(f"{rate_hz} Hz, {name}", trials) for name, trials in rows]


def coverage_line(what: str, trials: Sequence[Trial]) -> str:
    """One row of the second table."""
    covered, ratio = coverage(trials)
    doubt = median(each.uncertainty or 0 for each in trials)
    error = median(each.error * each.truth for each in trials)
    return f"{what:42} {len(trials):7} {covered:6.1f} %  {ratio:8.2f}  {doubt:8.4f} J  {error:8.4f} J"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=40, help="random phases of each case (the first 8 stand apart)")
    parser.add_argument("--recordings", type=int, default=8, help=f"of each signal, for {WINDOWS} windows each")
    parser.add_argument("--rate", type=int, nargs="+", default=RATES, metavar="HZ")
    parser.add_argument("--case", default="", metavar="WORD", help="only cases whose name has this in it")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.monotonic()
    cases = [case for case in all_cases() if options.case in f"{case.name} {case.board} {case.window}"]
    rates = "  ".join(f"{f'{rate} Hz: 8':>8} {f'of {options.trials}':>8}" for rate in options.rate)
    print(f"{'worst error in %':42} {'window':7} {'s':>4}  asked  {rates}  edge ms  holds")
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for row in pool.map(partial(line, rates=options.rate, trials=options.trials, seed=options.seed), cases):
            print(row, flush=True)
        print(f"\n{'uncertainty of commands (asked: 95 %, 3)':42} windows  covered   u/error  median u    median error")
        for rate_hz in options.rate:
            print("\n".join(coverage_lines(rate_hz, options.recordings, options.seed, pool)), flush=True)
    print(f"\n{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
