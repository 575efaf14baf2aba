"""What a check-up asks of the machine, on made-up folders, ports, servers and interpreters."""

import grp
import json
import os
import socket
from pathlib import Path

import pytest

from engine import network
from engine.arms import hub
from engine.doctor import probes


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache of some/model, with nothing in it."""
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    return tmp_path / "hub" / "models--some--model"


def snapshot(store: Path, commit: str, *files: str) -> Path:
    folder = store / "snapshots" / commit
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).touch()
    return folder


# -- models


def test_a_model_in_the_hubs_cache(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.gpu_model_folder("some/model") is None
    folder = snapshot(cache, "abc", "config.json")
    assert hub.gpu_model_folder("some/model") is None, "a download that was cut off has no weights"
    (folder / "model.safetensors").write_bytes(b"12345")
    assert hub.gpu_model_folder("some/model") == folder and hub.weight_bytes(folder) == 5
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert hub.gpu_model_folder("some/model") is None


def test_the_snapshot_that_is_meant_must_be_the_whole_one(cache: Path) -> None:
    old = snapshot(cache, "old", "config.json", "model.safetensors")
    snapshot(cache, "new", "config.json")
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("new")
    assert hub.gpu_model_folder("some/model") is None, "vLLM would go on downloading the new one"
    assert hub.gpu_model_folder("some/model", "old") == old
    (cache / "refs" / "main").write_text("old")
    assert hub.gpu_model_folder("some/model") == old


def test_every_part_of_the_weights_must_be_there(cache: Path) -> None:
    folder = snapshot(cache, "abc", "config.json", "a.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}))
    assert hub.gpu_model_folder("some/model") is None
    (folder / "b.safetensors").symlink_to(cache / "blobs" / "not-there-yet")
    assert hub.gpu_model_folder("some/model") is None, "a link into a download that was cut off"
    (folder / "b.safetensors").unlink()
    (folder / "b.safetensors").touch()
    assert hub.gpu_model_folder("some/model") == folder
    index.write_text("[")
    assert hub.gpu_model_folder("some/model") is None


def test_weights_that_are_there_twice_are_loaded_once(tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "pytorch_model.bin"):
        (tmp_path / name).write_bytes(b"1234")
    assert hub.gpu_model_folder(str(tmp_path)) == tmp_path and hub.weight_bytes(tmp_path) == 4


def test_a_model_in_a_folder(tmp_path: Path) -> None:
    assert hub.cpu_model_folder(str(tmp_path)) is None and hub.gpu_model_folder(str(tmp_path)) is None
    (tmp_path / "config.json").touch()
    (tmp_path / "weights.bin").touch()
    assert hub.cpu_model_folder(str(tmp_path)) == hub.gpu_model_folder(str(tmp_path)) == tmp_path


def test_what_forbids_the_hub_and_whether_there_is_a_token(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.offline() is None and not hub.has_token()
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert hub.offline() is None
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "true")
    assert hub.offline() == "TRANSFORMERS_OFFLINE=true"
    (cache.parents[1] / "token").write_text("secret")
    assert hub.has_token()


# -- the machine


def test_room_is_told_for_a_folder_that_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTRACE_DATA", str(tmp_path / "not" / "yet"))
    free, writable = probes.disk_room(probes.data_folder())
    assert free > 0 and writable and not (tmp_path / "not").exists()
    (tmp_path / "file").touch()
    assert probes.disk_room(tmp_path / "file" / "below")[1] is False


def test_device_files_are_really_opened(tmp_path: Path) -> None:
    assert probes.device_nodes(tmp_path) == []
    for name in ("nvidiactl", "nvidia0", "nvidia-uvm", "nvram"):
        (tmp_path / name).touch()
    nodes = probes.device_nodes(tmp_path)
    assert [node.name for node in nodes] == ["nvidiactl", "nvidia0", "nvidia-uvm"]
    assert probes.refused_nodes(nodes) == {}
    (tmp_path / "nvidia0").chmod(0)
    refused = probes.refused_nodes(nodes)
    assert refused == ({} if os.geteuid() == 0 else {str(tmp_path / "nvidia0"): ""}), "root may open everything"


def test_the_group_that_one_would_have_to_join() -> None:
    theirs = next(group for group in grp.getgrall() if group.gr_gid not in {0, 1})
    gid, name = theirs.gr_gid, theirs.gr_name
    assert probes.group_that_may(0o660, gid, {1}) == name
    assert probes.group_that_may(0o660, gid, {gid}) == "", "being in it did not help"
    assert probes.group_that_may(0o600, gid, set()) == "", "the group may not open it either"
    assert probes.group_that_may(0o660, 0, set()) == "", "nobody should join root's"
    assert probes.group_that_may(0o660, 999_999_999, set()) == ""


def test_a_process_is_called_by_its_name(tmp_path: Path) -> None:
    assert probes.process_name(os.getpid())
    assert probes.process_name(1, tmp_path) is None


def test_available_memory(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  100 kB\nMemAvailable:   40 kB\n")
    assert probes.available_memory(tmp_path / "meminfo") == 40_960
    (tmp_path / "meminfo").write_text("MemAvailable:\n")
    assert probes.available_memory(tmp_path / "meminfo") is None
    assert probes.available_memory(tmp_path / "none") is None


def test_the_clock_source_and_open_files(tmp_path: Path) -> None:
    assert probes.clock_source(tmp_path / "none") is None
    (tmp_path / "current").write_text("hpet\n")
    assert probes.clock_source(tmp_path / "current") == "hpet"
    most = probes.most_open_files()
    assert most is None or most > 0


# -- the network


def test_a_port_that_somebody_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert network.port_refusal(number) == "is in use by another program"
    assert network.port_refusal(number) is None


def test_a_host_that_is_not_this_machine() -> None:
    assert "no network of this machine" in (network.port_refusal(0, "192.0.2.254") or "")
    assert "cannot be had" in (network.port_refusal(0, "nowhere.invalid") or "")


def test_a_server_is_reached_only_where_it_listens() -> None:
    assert network.answering("127.0.0.1", ["127.0.0.1"]) == ["127.0.0.1"]
    assert network.answering("127.0.0.1", ["127.0.0.2"]) == [], "it listens on another address"
    assert network.answering("0.0.0.0", ["127.0.0.1", "127.0.0.2"]) == ["127.0.0.1", "127.0.0.2"]
    assert network.answering("192.0.2.254", ["192.0.2.254"]) == []


def test_addresses_are_this_machines_own_and_no_loopback() -> None:
    found = network.addresses()
    assert len(found) == len(set(found)) and not any(address.startswith("127.") for address in found)
    assert all(network.port_refusal(0, address) is None for address in found)
