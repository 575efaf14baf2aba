"""Whose turn it is: pure.

A block is one turn of every arm. Round numbers rise over blocks and arms: block b of N arms has the rounds (b-1)N+1
to bN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal

Mode = Literal["alternate", "parallel", "shared"]


@dataclass(frozen=True)
class Turn:
    """Round `number` (from 1) of the run, in block `block` (from 1), belongs to arm `arm`."""

    number: int
    arm: str
    block: int


@dataclass(frozen=True)
class Block:
    """One turn of every arm, one after the other or all `together`; the last block of a run may lack arms."""

    number: int
    turns: tuple[Turn, ...]
    together: bool = False


def blocks(mode: Mode, labels: Sequence[str], rounds: int) -> list[Block]:
    """The blocks of `rounds` rounds in total: `alternate` by turns, `parallel` and `shared` together.

    Together only whole blocks make sense: of rounds that do not fill one, none is run.
    """
    if mode == "alternate":
        return alternate(labels, rounds)
    return together(labels, rounds)


def alternate(labels: Sequence[str], rounds: int) -> list[Block]:
    """One after the other, in orders that favour nobody: A B, B A, A B, ... for two arms.

    After each order comes the same one backwards, so that in two blocks all arms have the same mean place and a
    drift cancels out. The orders are a Williams design: over all of them each arm has each place equally often and
    follows each other arm equally often. Going forwards and backwards only, the middle arm of three would always
    be in the middle, and C would never follow A.
    """
    order = list(islice((arm for row in cycle(_orders(labels)) for arm in row), rounds))
    turns = [Turn(number, arm, (number - 1) // len(labels) + 1) for number, arm in enumerate(order, 1)]
    return _cut(turns, together=False)


def together(labels: Sequence[str], rounds: int) -> list[Block]:
    """All arms of a block at once."""
    size = len(labels)
    turns = [Turn(number + 1, labels[number % size], number // size + 1) for number in range(rounds - rounds % size)]
    return _cut(turns, together=True)


def pattern(mode: Mode, labels: Sequence[str]) -> list[str]:
    """Whose turns they are, until it begins anew."""
    rows = _orders(labels) if mode == "alternate" else [list(labels)]
    return [arm for row in rows for arm in row]


def _orders(labels: Sequence[str]) -> list[list[str]]:
    """Williams design: N orders for an even number of arms, 2N for an odd one, each followed by its mirror image."""
    size = len(labels)
    zigzag = [place // 2 + 1 if place % 2 else -(place // 2) % size for place in range(size)]
    shifts = range(size // 2 if size % 2 == 0 else size)
    rows = [[labels[(place + shift) % size] for place in zigzag] for shift in shifts]
    return [order for row in rows for order in (row, row[::-1])]


def _cut(turns: Sequence[Turn], *, together: bool) -> list[Block]:
    numbers = dict.fromkeys(turn.block for turn in turns)
    return [Block(number, tuple(turn for turn in turns if turn.block == number), together) for number in numbers]
