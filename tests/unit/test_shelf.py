"""Which recordings anybody may go on with, whoever else asks at the same time."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.shelf import Shelf


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    (tmp_path / "recordings").mkdir()
    names = [f"run-{number}" for number in range(200)]
    for name in names:
        (tmp_path / "recordings" / f"{name}.jsonl").touch()
    return names


def test_what_was_on_stage_is_remembered_through_many_threads_and_a_restart(tmp_path: Path, runs: list[str]) -> None:
    shelf = Shelf(tmp_path)

    def ask(run: str) -> tuple[bool, bool]:
        return shelf.find(run, on_stage=True) is not None, shelf.find(run, on_stage=False) is not None

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, runs)) == {(True, True)}
    for again in (shelf, Shelf(tmp_path)):
        assert all(again.find(run, on_stage=False) for run in runs)
    assert {path.name for path in tmp_path.iterdir()} == {"handed-out.txt", "recordings"}


def test_what_is_on_no_stage_stays_the_presenters(tmp_path: Path, runs: list[str]) -> None:
    shelf = Shelf(tmp_path)
    assert shelf.find(runs[0], on_stage=True) and shelf.find(runs[1], on_stage=False) is None
    assert shelf.find(runs[1], on_stage=False, trusted=True) and shelf.find(runs[1], on_stage=False) is None


def test_the_list_is_replaced_whole_and_its_loss_ends_no_copy(
    tmp_path: Path, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path)
    shelf.find(runs[0], on_stage=True)

    def full(part: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    shelf.find(runs[1], on_stage=True)
    assert (tmp_path / "handed-out.txt").read_text() == f"{runs[0]}\n"
    assert shelf.find(runs[1], on_stage=False)


def test_two_servers_of_one_folder_keep_each_others_runs(tmp_path: Path, runs: list[str]) -> None:
    one, other = Shelf(tmp_path), Shelf(tmp_path)
    one.find(runs[0], on_stage=True)
    other.find(runs[1], on_stage=True)
    one.find(runs[2], on_stage=True)
    assert (tmp_path / "handed-out.txt").read_text().split() == runs[:3]
    assert one.find(runs[1], on_stage=False)
