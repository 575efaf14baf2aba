"""What `wattrace` says of what it cannot do: one clear line, and nothing is begun."""

from pathlib import Path

import pytest

from integration.conftest import Races


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "no-such-demo"], 2, "no demo of this name"),
        (["run", "--rounds", "1", "--simulate"], 2, "at least one turn"),
        (["compare", "/no/such/file"], 1, "cannot be read"),
        (["replay", "/no/such/file", "--no-browser"], 1, "cannot be read"),
        (["run", "--simulate", "--out", "/proc/nowhere/x.jsonl"], 1, "cannot be created"),
    ],
)
def test_bad_input_is_one_clear_line(races: Races, arguments: list[str], code: int, says: str) -> None:
    done = races.run(*arguments)
    assert done.returncode == code, done.stderr
    assert says in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_broken_yaml_and_unknown_keys_are_one_clear_line(races: Races) -> None:
    file = races.folder / "bad.yaml"
    for text, says in (("a: [", "not YAML"), ("titel: x", "did you mean 'title'?")):
        file.write_text(text)
        done = races.run("run", str(file))
        assert done.returncode == 2 and says in done.stderr and str(file) in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_without_gpu_and_vllm_run_says_what_is_missing_and_never_simulates(races: Races) -> None:
    races.environment["WATTRACE_VLLM_PYTHON"] = "/no/such/python"
    out = races.folder / "race.jsonl"
    done = races.run("run", "batch-1-vs-8", "--out", str(out))
    assert done.returncode == 1 and not out.exists()
    assert "/no/such/python" in done.stderr and "NVIDIA" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_with_a_gpu_only_vllm_is_missed(races: Races, fake_nvml_folder: Path) -> None:
    races.environment |= {"WATTRACE_VLLM_PYTHON": "/no/such/python", "LD_LIBRARY_PATH": str(fake_nvml_folder)}
    done = races.run("run", "batch-1-vs-8")
    assert done.returncode == 1
    assert "/no/such/python" in done.stderr and "NVIDIA" not in done.stderr
