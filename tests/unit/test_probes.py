"""What a check-up asks of the machine, on made-up folders, ports and interpreters."""

import socket
import sys
from pathlib import Path

import pytest

from engine.doctor import probes


def hub(folder: Path, *files: str) -> Path:
    snapshot = folder / "hub" / "models--some--model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    for name in files:
        (snapshot / name).touch()
    return snapshot


def test_a_model_in_the_hubs_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert probes.gpu_model_folder("some/model") is None
    snapshot = hub(tmp_path, "config.json")
    assert probes.gpu_model_folder("some/model") is None, "a download that was cut off has no weights"
    (snapshot / "model.safetensors").touch()
    assert probes.gpu_model_folder("some/model") == snapshot
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert probes.gpu_model_folder("some/model") is None


def test_a_model_in_a_folder(tmp_path: Path) -> None:
    assert probes.cpu_model_folder(str(tmp_path)) is None and probes.gpu_model_folder(str(tmp_path)) is None
    (tmp_path / "config.json").touch()
    (tmp_path / "weights.bin").touch()
    assert probes.cpu_model_folder(str(tmp_path)) == probes.gpu_model_folder(str(tmp_path)) == tmp_path


def test_room_is_told_for_a_folder_that_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTRACE_DATA", str(tmp_path / "not" / "yet"))
    free, writable = probes.disk_room(probes.data_folder())
    assert free > 0 and writable and not (tmp_path / "not").exists()
    (tmp_path / "file").touch()
    assert probes.disk_room(tmp_path / "file" / "below")[1] is False


def test_a_port_that_somebody_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert not probes.port_is_free(number)
    assert probes.port_is_free(number)


def test_the_clock_source(tmp_path: Path) -> None:
    assert probes.clock_source(tmp_path / "none") is None
    (tmp_path / "current").write_text("hpet\n")
    assert probes.clock_source(tmp_path / "current") == "hpet"


async def test_an_interpreter_without_vllm_and_none_at_all(tmp_path: Path) -> None:
    assert await probes.vllm_version(str(tmp_path / "python")) is None
    fake = tmp_path / "fake"
    fake.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'print(\"0.99.1\")'\n")
    fake.chmod(0o755)
    assert await probes.vllm_version(str(fake)) == "0.99.1"
    fake.write_text("#!/bin/sh\nexit 1\n")
    assert await probes.vllm_version(str(fake)) is None
