"""How noisy a power field is, told from its readings while the power itself moves."""

import random
import statistics
from collections.abc import Callable

import pytest

from engine.energy.noise import noise_watts

Load = Callable[[int], float]


def found(load: Load, count: int, sigma: float = 0.5) -> list[float]:
    """What many recordings of `count` readings say."""
    rngs = [random.Random(seed) for seed in range(300)]
    return [noise_watts([load(n) + rng.gauss(0, sigma) for n in range(count)]) for rng in rngs]


@pytest.mark.parametrize(
    "load",
    [
        pytest.param(lambda n: 600.0, id="steady"),
        pytest.param(lambda n: 600.0 if n % 9 < 5 else 100.0, id="steps"),
        pytest.param(lambda n: 400.0 + 3.5 * (n // 5), id="small steps"),
        pytest.param(lambda n: 200.0 + 12 * n, id="climbs"),
        pytest.param(lambda n: 300.0 + 2 * n, id="climbs slowly"),
    ],
)
@pytest.mark.parametrize("sigma", [0.3, 0.6])
def test_steps_and_climbs_are_no_noise(load: Load, sigma: float) -> None:
    assert statistics.median(found(load, 18, sigma)) == pytest.approx(sigma, rel=0.15)


def test_a_little_more_is_told_from_few_readings() -> None:
    few = found(lambda n: 600.0, 5)
    assert 0.5 < statistics.median(few) < 0.75
    assert sum(each < 0.25 for each in few) < 0.1 * len(few)


def test_from_fewer_nothing_can_be_told() -> None:
    assert noise_watts([100.0, 600.0, 100.0, 600.0, 100.0]) == pytest.approx(0.005 * 300)
    assert noise_watts([400.0, 400.1]) == pytest.approx(0.005 * 400.05)
