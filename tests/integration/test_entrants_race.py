"""Whole races, as a person runs them, between arms that are no vLLM of ours."""

import json
from pathlib import Path

from engine.documents import Mark, MarkKind, Start, Stop
from engine.recording import Reader
from integration.conftest import Races
from integration.processes import wait_until
from integration.staging import RudeServer

KEY = "sk-a-very-secret-key-0123456789"


def openai_demo(races: Races, first: str, second: str, *, seconds: float, rounds: int, more: str = "") -> str:
    file = races.folder / "servers.yaml"
    file.write_text(
        "title: Two servers of others\ndevice: cpu\nworkload: {max_tokens: 16, concurrency: 2}\n"
        f"schedule: {{round_seconds: {seconds}, rounds: {rounds}, baseline_seconds: 0.3, warm_up_seconds: 1}}\narms:\n"
        f"- {{name: first, runtime: openai, url: '{first}'{more}}}\n"
        f"- {{name: second, runtime: openai, url: '{second}'{more}}}\n"
    )
    return str(file)


def marks(path: Path) -> list[Mark]:
    return [document for document in Reader(path) if isinstance(document, Mark)]


def test_the_command_demo_races_with_real_work_and_simulated_watts(races: Races) -> None:
    out = races.folder / "race.jsonl"
    done = races.run(
        "run", "command-compression", "--simulate", "--rounds", "4", "--round-seconds", "1.5", "--out", str(out)
    )
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stdout
    result = json.loads(races.run("compare", str(out), "--json").stdout)
    quick, thorough = result["arms"]
    assert result["complete"] and quick["rounds"] == thorough["rounds"] == 2 and quick["attributable"]
    assert quick["units_per_second"] > thorough["units_per_second"] > 0
    assert 0 < quick["joules_per_unit"] < thorough["joules_per_unit"]
    start = next(iter(Reader(out)))
    assert isinstance(start, Start) and start.simulated == {"power": True, "arms": False}
    assert [(arm.runtime, arm.unit, arm.devices) for arm in start.arms] == [("command", "MB", ["gpu0"])] * 2
    assert not races.processes()


def test_servers_of_others_race_and_the_key_is_nowhere(races: Races) -> None:
    races.environment["MY_KEY"] = KEY
    out = races.folder / "race.jsonl"
    with RudeServer("key", RUDE_KEY=KEY) as first, RudeServer("key", "silent-usage", RUDE_KEY=KEY) as second:
        demo = openai_demo(races, first.url, second.url, seconds=1, rounds=4, more=", api_key_env: MY_KEY")
        done = races.run("run", demo, "--power", "simulated", "--out", str(out))
    assert done.returncode == 0, done.stderr
    arms = json.loads(races.run("compare", str(out), "--json").stdout)["arms"]
    assert all(arm["tokens_per_second"] > 0 and arm["joules_per_token"] > 0 for arm in arms)
    assert [("estimated_tokens" in arm["reasons"]) for arm in arms] == [False, True]
    assert KEY not in done.stdout + done.stderr
    written = [file for file in races.folder.rglob("*") if file.is_file()]
    assert out in written and all(KEY.encode() not in file.read_bytes() for file in written)


def test_a_server_of_others_that_dies_ends_the_race_and_is_named(races: Races) -> None:
    out = races.folder / "race.jsonl"
    with RudeServer() as first, RudeServer() as second:
        demo = openai_demo(races, first.url, second.url, seconds=30, rounds=2)
        process = races.start("run", demo, "--power", "simulated", "--out", str(out))
        wait_until(lambda: out.exists() and b'"request_finished"' in out.read_bytes(), what="the race has begun")
        first.kill()
        _, errors = process.communicate(timeout=30)
        assert second.process.poll() is None
    assert process.returncode == 1 and b"arm A" in errors and b"nothing answers any more" in errors
    *_, stop = Reader(out)
    assert isinstance(stop, Stop) and stop.exit_status == "fail" and first.url in stop.reason
    states = [mark.state for mark in marks(out) if mark.kind == MarkKind.ARM and mark.arm == "A"]
    assert states[-1] == "failed"


def test_a_missing_key_is_one_clear_line_before_anything_is_recorded(races: Races) -> None:
    out = races.folder / "race.jsonl"
    demo = openai_demo(
        races, "http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1", seconds=1, rounds=2, more=", api_key_env: NOT_SET_HERE"
    )
    done = races.run("run", demo, "--out", str(out))
    assert done.returncode == 1 and not out.exists()
    assert "NOT_SET_HERE" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_simulated_arms_in_parallel_have_a_gpu_each(races: Races) -> None:
    file = races.folder / "parallel.yaml"
    file.write_text(
        "title: Side by side\nmodel: {gpu: m}\nworkload: {max_tokens: 24, concurrency: 4}\n"
        "schedule: {mode: parallel, round_seconds: 2, rounds: 2, baseline_seconds: 1, warm_up_seconds: 0}\narms:\n"
        "- {name: busy, runtime: simulated, args: {max_num_seqs: 4}}\n"
        "- {name: slow, runtime: simulated, args: {max_num_seqs: 1}}\n"
    )
    out = races.folder / "race.jsonl"
    done = races.run("run", str(file), "--out", str(out))
    assert done.returncode == 0, done.stderr
    busy, slow = json.loads(races.run("compare", str(out), "--json").stdout)["arms"]
    assert busy["attributable"] and slow["attributable"]
    assert busy["power_watts"]["mean"] > slow["power_watts"]["mean"] > 100, "each by its own GPU"
    first, second = [mark.t_ns for mark in marks(out) if mark.kind == MarkKind.ROUND_BEGIN]
    assert first == second
