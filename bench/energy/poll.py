"""A poll as a real machine makes it: late by some microseconds, stalled for milliseconds now and then."""

from collections.abc import Iterator
from random import Random

from engine.clock import NS
from engine.sampler.deadlines import Deadlines

STALL = 1 / 400
"""The share of wake-ups that come one to three milliseconds late."""

CALL_SECONDS = 6e-6


def stamps(rate_hz: int, begin: float, end: float, random: Random) -> Iterator[tuple[float, float]]:
    """For each sample the moment that is written down (the middle of the call) and the moment it is true for.

    Deadlines walk as the sampler's do. One that was passed over is left out.
    """
    period, number, free, plan = 1 / rate_hz, 0, begin, Deadlines(0, rate_hz)
    while True:
        due = begin + plan.at(number) / NS
        number += 1
        if due + period < free:
            continue
        if due > end:
            return
        woken = max(due, free) + lateness(random)
        call = CALL_SECONDS * random.uniform(0.7, 2.0)
        yield woken + call / 2, woken + call * random.random()
        free = woken + call


def lateness(random: Random) -> float:
    """Seconds from the deadline to the call."""
    if random.random() < STALL:
        return random.uniform(0.001, 0.003)
    return abs(random.gauss(50e-6, 20e-6))
