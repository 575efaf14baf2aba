"""Prompts: what is asked, what is sent, in which order, and the hash of it all."""

import hashlib
import random
from collections.abc import Iterator
from typing import Literal

from engine.workload.handbook import HANDBOOK
from engine.workload.stage import STAGE

PromptSet = Literal["stage", "handbook"]


def sent_text(prompts: PromptSet, question: str) -> str:
    """What a server gets for `question`: just that, or the handbook first. The question is always the last line."""
    return f"{HANDBOOK}\n\n{question}" if prompts == "handbook" else question


class PromptOrder:
    """The stage set's questions without end, shuffled anew for each pass; the same `seed` gives the same order."""

    def __init__(self, seed: int, questions: tuple[str, ...] = STAGE) -> None:
        self._random = random.Random(f"prompts {seed}")
        self._questions = questions
        self._left: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self._left:
            self._left = list(self._questions)
            self._random.shuffle(self._left)
        return self._left.pop()


def prompts_hash(prompts: PromptSet = "stage", questions: tuple[str, ...] = STAGE) -> str:
    """SHA-256 of the texts that are sent, in the order of the set, for a recording's provenance (hex)."""
    return hashlib.sha256("\n".join(sent_text(prompts, question) for question in questions).encode()).hexdigest()
