"""The CPU engine's folder: where it is, what is finished in it, and who may build there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from engine_folder import finish, touch

from engine.cpu_build import location
from engine.cpu_build.lock import BuildLock
from engine.cpu_build.stamp import Part, Stamp, digest


def test_the_variable_names_the_folder(folder: Path) -> None:
    assert location.engine_folder() == folder


def test_the_folder_is_absolute_and_knows_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(location.FOLDER_VARIABLE, "~/somewhere")
    assert location.engine_folder() == Path.home() / "somewhere"
    monkeypatch.setenv(location.FOLDER_VARIABLE, "somewhere")
    assert location.engine_folder() == Path.cwd() / "somewhere"


@pytest.mark.parametrize("value", [None, ""])
def test_the_default_folder_is_in_the_users_data(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv(location.FOLDER_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(location.FOLDER_VARIABLE, value)
    assert location.engine_folder().parts[-2:] == ("wattrace", "engine-cpu")


def test_nothing_is_found_where_nothing_was_built(folder: Path) -> None:
    assert location.find_interpreter() is None
    assert location.find_model("smollm2-135m") is None
    assert not folder.exists()


def test_a_half_made_environment_is_not_found(folder: Path) -> None:
    touch(folder / "venv/bin/python")
    touch(folder / "models/smollm2-135m/config.json")
    assert location.find_interpreter() is None
    assert location.find_model("smollm2-135m") is None


def test_finished_parts_are_found(folder: Path) -> None:
    interpreter = touch(folder / "venv/bin/python")
    config = touch(folder / "models/smollm2-135m/config.json")
    finish(folder, "venv", "models/smollm2-135m")
    assert location.find_interpreter() == interpreter
    assert location.find_model("smollm2-135m") == config.parent
    assert location.find_model("another") is None


def test_a_part_that_was_deleted_by_hand_is_not_found(folder: Path) -> None:
    finish(folder, "venv", "models/smollm2-135m")
    assert location.find_interpreter() is None
    assert location.find_model("smollm2-135m") is None


def test_a_model_name_cannot_lead_out_of_the_folder(folder: Path) -> None:
    touch(folder / "elsewhere/config.json")
    finish(folder, "venv", "elsewhere")
    assert location.find_model("../elsewhere") is None


def test_a_stamp_survives_the_disk(tmp_path: Path) -> None:
    stamp = Stamp({"venv": Part("abc", {"torch": "2.13.0+cpu"}, 12.5)})
    stamp.save(tmp_path)
    assert Stamp.load(tmp_path) == stamp
    assert [path.name for path in tmp_path.iterdir()] == ["complete.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b'{"format": 2, "parts": {}}',
        b'{"format": 1, "parts": {"venv": {"digest": "a"}}}',
        b'{"format": 1, "parts": {"venv": {"digest": "a", "versions": {}, "seconds": 1, "more": 2}}}',
    ],
)
def test_a_damaged_stamp_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "complete.json").write_bytes(content)
    assert Stamp.load(tmp_path) == Stamp()


def test_parts_come_and_go_one_by_one() -> None:
    a, b = Part("a", {}, 1.0), Part("b", {}, 2.0)
    both = Stamp().including("a", a).including("b", b)
    assert both.excluding("a").parts == {"b": b}
    assert both.excluding("c") == both


def test_a_digest_tells_inputs_apart() -> None:
    assert digest(b"ab", b"c") == digest(b"ab", b"c")
    assert len({digest(b"ab", b"c"), digest(b"a", b"bc"), digest(b"abc"), digest(b"abc", b"")}) == 4


def test_the_second_builder_waits_and_says_for_whom(tmp_path: Path) -> None:
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with BuildLock(tmp_path, said.append, poll_seconds=0.01):
            order.append("second")

    with BuildLock(tmp_path, said.append):
        assert said == []
        thread = threading.Thread(target=second)
        thread.start()
        deadline = time.monotonic() + 5
        while not said and time.monotonic() < deadline:
            time.sleep(0.005)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert said == [f"another build is at work here (process {os.getpid()}); waiting for it"]


def test_a_builders_command_keeps_the_lock_when_the_builder_is_killed(tmp_path: Path) -> None:
    command = "import sys; print(1, flush=True); sys.stdin.read()"
    code = (
        "import subprocess, sys; from pathlib import Path; from engine.cpu_build.lock import BuildLock\n"
        "with BuildLock(Path(sys.argv[1]), print) as lock:\n"
        "    subprocess.run([sys.executable, '-c', sys.argv[2]], pass_fds=(lock.descriptor,))\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path), command], stdin=pipe, stdout=pipe) as builder:
        assert builder.stdout is not None and builder.stdin is not None
        assert builder.stdout.readline() == b"1\n"  # the command runs
        builder.kill()
        builder.wait()
        said: list[str] = []
        got = threading.Event()

        def wait_for_it() -> None:
            with BuildLock(tmp_path, said.append, poll_seconds=0.01):
                got.set()

        thread = threading.Thread(target=wait_for_it)
        thread.start()
        assert not got.wait(0.2)
        builder.stdin.close()  # the command ends
        assert got.wait(5)
        thread.join(5)
    assert str(builder.pid) in said[0]
