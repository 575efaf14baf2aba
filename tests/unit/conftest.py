"""What unit tests share."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_turns import Stage

from engine.turns import turns as turns_module


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Stage]]:
    monkeypatch.setattr(turns_module, "_OBITUARY_SECONDS", 0.05)
    made: list[Stage] = []

    def make(**options: Any) -> Stage:
        made.append(Stage(tmp_path / f"{len(made)}.jsonl", **options))
        return made[-1]

    yield make
    for each in made:
        each.recorder.__exit__(None, None, None)
