"""Whose turn it is: pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Turn:
    """Round `number` (from 1) of the run belongs to arm `arm`."""

    number: int
    arm: str


def alternate(labels: Sequence[str], rounds: int) -> list[Turn]:
    """Turns that balance order effects: forwards, then backwards (A B B A A B B A ...).

    Each arm comes first as often as last, so a GPU that warms up over a block favours nobody.
    """
    there_and_back = [*labels, *reversed(labels)]
    return [Turn(number + 1, there_and_back[number % len(there_and_back)]) for number in range(rounds)]
