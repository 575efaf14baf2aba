"""How often verdicts are right, and what else could have been done: `python bench/verdicts.py`.

Races of two arms whose true ratio is known (`tests/unit/simulated_races.py` says what blurs them), with fixed seeds, so
every figure but the times comes out the same everywhere. docs/statistics.md cites them.
"""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean, median

from figures import Row, finish, least, most, options, told

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "unit")]

from simulated_races import Nature, documents, race, rounds

from engine.compare import (
    Interval,
    anytime_half_width,
    anytime_interval,
    blocks_wanted,
    log_ratios,
    sequential,
    student_half_width,
    student_interval,
    welch_interval,
)
from engine.ledger import Ledger

RACES, LONGEST = 4000, 40
THROUGH_LEDGER = 1000
BOOTSTRAPPED, RESAMPLES = 1000, 1000
USUAL, EQUAL, CLOSE = Nature(), Nature(ratio=1.0), Nature(ratio=0.97)

Method = Callable[[Sequence[float]], Interval]


def main() -> None:
    arguments = options(__doc__).parse_args()
    parts = (covering, bootstrapping, pairing, stopping, lasting, planning, running)
    finish([row for part in parts for row in part()], arguments.json)


def races(seed: int, number: int, blocks: int, nature: Nature) -> Iterator[list[float]]:
    """The blocks' log-ratios of so many races."""
    random = Random(seed)
    for _ in range(number):
        yield log_ratios(*race(random, blocks, nature))


def holds(interval: Interval, nature: Nature) -> bool:
    return abs(interval.middle - math.log(nature.ratio)) <= interval.half


def percent(found: Iterator[bool] | Sequence[bool]) -> float:
    return 100 * fmean(found)


def covering() -> Iterator[Row]:
    """Student's interval on logarithms, for a number of rounds that was fixed before."""
    for blocks in (3, 4, 6, 10, 20):
        share = percent([holds(student_interval(logs), USUAL) for logs in races(1, RACES, blocks, USUAL)])
        yield Row(
            f"t interval covers, {blocks} blocks", f"{share:.1f} % of races", share, "93 to 97 %", 93 <= share <= 97
        )
    rough = replace(USUAL, outliers=0.05)
    share = percent([holds(student_interval(logs), rough) for logs in races(2, RACES, 6, rough)])
    yield told("t interval covers, 6 blocks, 5 % of rounds five times as noisy", share, "% of races")
    share = percent([student_interval(logs).excludes_zero for logs in races(3, RACES, 6, EQUAL)])
    yield most("equal arms called different, 6 blocks", share, 7, "% of races", digits=1)
    random = Random(4)
    share = percent([through_ledger(random) for _ in range(THROUGH_LEDGER)])
    yield Row(
        "t interval covers, 6 blocks, through the ledger", f"{share:.1f} %", share, "93 to 97 %", 93 <= share <= 97
    )


def through_ledger(random: Random) -> bool:
    """Whether the interval covers the truth in a race that was told in documents."""
    ledger = Ledger()
    for document in documents(random, rounds(random, 6, USUAL)):
        ledger.add(document)
    verdict = ledger.verdicts("joules_per_token")[0]
    return (verdict.low or 0) <= USUAL.ratio <= (verdict.high or 0)


def bootstrapping() -> Iterator[Row]:
    for blocks in (4, 6, 10, 20):
        random = Random(5)
        found = [holds(bootstrap(random, logs), USUAL) for logs in races(6, BOOTSTRAPPED, blocks, USUAL)]
        yield told(f"bootstrap of the blocks covers, {blocks} blocks", percent(found), "% of races")


def bootstrap(random: Random, logs: Sequence[float]) -> Interval:
    """The percentile bootstrap of the mean."""
    blocks = len(logs)
    means = sorted(sum(random.choices(logs, k=blocks)) / blocks for _ in range(RESAMPLES))
    low, high = means[round(0.025 * RESAMPLES) - 1], means[round(0.975 * RESAMPLES) - 1]
    return Interval((low + high) / 2, (high - low) / 2)


def pairing() -> Iterator[Row]:
    """What pairing by blocks is worth, in width, where the card warms up during the race."""
    random, warming = Random(7), replace(USUAL, noise=0.005, warming=0.10)
    together, apart = [], []
    for _ in range(RACES):
        sides = race(random, 6, warming)
        together.append(student_interval(log_ratios(*sides)).half)
        apart.append(welch_interval(*([math.log(value) for value in side] for side in sides)).half)
    yield told("median half-width paired, 6 blocks, 0.5 % noise, 10 % warming", 100 * median(together), "%", digits=2)
    yield told("median half-width unpaired, the same races", 100 * median(apart), "%", digits=2)


def stopping() -> Iterator[Row]:
    """What looking after every block up to the 40th, and stopping at the first decision, does to both intervals."""
    for name, method, limit in (("t interval", student_interval, None), ("anytime interval", anytime_interval, 5.0)):
        called = percent([stop(logs, method) is not None for logs in races(8, RACES // 4, LONGEST, EQUAL)])
        what = f"equal arms called different, looking at the {name} up to 40 times"
        yield told(what, called, "% of races") if limit is None else most(what, called, limit, "% of races", digits=1)
        found = [held(logs, method) for logs in races(9, RACES // 4, LONGEST, CLOSE)]
        what = f"{name} covers 0.97 when it stops the race"
        yield (
            told(what, percent(found), "% of races") if limit is None else least(what, percent(found), 95, "% of races")
        )


def stop(logs: Sequence[float], method: Method) -> int | None:
    """After how many blocks the race is first decided."""
    return next((n for n in range(2, len(logs) + 1) if method(logs[:n]).excludes_zero), None)


def held(logs: Sequence[float], method: Method) -> bool:
    return holds(method(logs[: stop(logs, method)]), CLOSE)


def lasting() -> Iterator[Row]:
    """How long a race lasts that stops when it is decided, and what the interval for it costs in width."""
    for ratio in (0.7, 0.9, 0.95, 0.97):
        ends = [
            stop(logs, anytime_interval) or LONGEST for logs in races(10, RACES // 10, LONGEST, Nature(ratio=ratio))
        ]
        yield told(f"blocks until decided for good, true ratio {ratio:g}", median(ends), "blocks (median)", digits=0)
    usual = sequential.SHARPNESS
    for sharpness in (0.01, usual, 1.0):
        sequential.SHARPNESS = sharpness
        widths = [anytime_half_width(blocks) / student_half_width(blocks) for blocks in (3, 4, 6, 12, 40)]
        text = ", ".join("-" if math.isinf(width) else f"{width:.2f}" for width in widths)
        yield Row(f"anytime over t width after 3, 4, 6, 12, 40 blocks, sharpness {sharpness:g}", text)
    sequential.SHARPNESS = usual


def planning() -> Iterator[Row]:
    """Races that were open after 4 blocks, and the rounds they asked for: how often did as many more decide?"""
    random, found, asked = Random(11), [], []
    for _ in range(RACES // 4):
        logs = log_ratios(*race(random, 4, CLOSE))
        wanted = blocks_wanted(logs, student_half_width)
        if student_interval(logs).excludes_zero or wanted is None:
            continue
        asked.append(wanted)
        found.append(student_interval(log_ratios(*race(random, wanted, CLOSE))).excludes_zero)
    yield told("new races of as many blocks as were said to be needed that are decided", percent(found), "%")
    yield told("blocks said to be needed, true ratio 0.97", median(asked), "blocks (median)", digits=0)


def running() -> Iterator[Row]:
    """Equal arms in two different runs, each with 1 % of its own, judged without pairs."""
    random, called = Random(12), []
    for _ in range(RACES):
        sides = []
        for _ in range(2):
            own = random.gauss(0, 0.01)
            values = race(random, 6, EQUAL)[0]
            sides.append([math.log(value) + own for value in values])
        called.append(welch_interval(*sides).excludes_zero)
    yield told(
        "equal arms of two runs called different, 6 rounds each, 1 % between runs", percent(called), "% of pairs"
    )


if __name__ == "__main__":
    main()
