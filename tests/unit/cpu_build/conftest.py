"""An engine folder and a workshop for each test of the CPU engine's build."""

from pathlib import Path

import pytest

from engine.cpu_build import environment, location
from engine.cpu_build.workshop import Workshop


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An engine folder of its own, named by the variable, not made yet."""
    monkeypatch.setenv(location.FOLDER_VARIABLE, str(tmp_path / "cpu"))
    monkeypatch.delenv(environment.PYTHON_VARIABLE, raising=False)
    return tmp_path / "cpu"


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    workshop = Workshop(tmp_path, lambda line: None)
    workshop.scratch.mkdir()
    return workshop
