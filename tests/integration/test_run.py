"""`wattrace run` as a person runs it: real processes, simulated arms, and everything that can go wrong."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.documents import Mark, MarkKind, Page, Stop
from engine.recording import Reader
from integration.conftest import Races
from integration.processes import wait_until


def documents(path: Path) -> list[object]:
    return list(Reader(path))


def stop_of(path: Path) -> Stop:
    last = documents(path)[-1]
    assert isinstance(last, Stop), "a run always ends with a stop document"
    return last


def begun_racing(path: Path) -> bool:
    return path.exists() and b'"request_first_token"' in path.read_bytes()


def test_a_race_runs_and_compare_reads_it(races: Races) -> None:
    out = races.folder / "race.jsonl"
    done = races.run("run", races.demo(rounds=4), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout and "SIMULATED" in done.stdout
    result = json.loads(races.run("compare", str(out), "--json").stdout)
    assert result["complete"] is True and result["simulated"] is True
    one, four = result["arms"]
    assert [one["label"], four["label"]] == ["A", "B"] and one["rounds"] == four["rounds"] == 2
    assert four["tokens_per_second"] > 2 * one["tokens_per_second"]
    assert 0 < four["joules_per_token"] < one["joules_per_token"]
    assert one["ttft_seconds"]["p50"] > 0 and one["reasons"] == ["simulated"]
    assert {verdict["metric"] for verdict in result["verdicts"]} >= {"joules_per_token", "tokens_per_second"}
    assert not races.processes()


def test_the_documents_are_whole_and_in_order(races: Races) -> None:
    out = races.folder / "race.jsonl"
    assert races.run("run", races.demo(), "--out", str(out)).returncode == 0
    told = documents(out)
    stop = stop_of(out)
    assert stop.exit_status == "success" and len(stop.arms) == 2
    rows: dict[str, int] = {}
    latest: dict[str, int] = {}
    for document in told:
        if isinstance(document, Page):
            rows[document.stream] = rows.get(document.stream, 0) + len(document.t_ns)
            assert document.t_ns[0] >= latest.get(document.stream, 0)
            latest[document.stream] = document.t_ns[-1]
    assert rows == stop.counts
    finished = [m for m in told if isinstance(m, Mark) and m.kind == MarkKind.REQUEST_FINISHED]
    streamed: dict[object, int] = {}
    for document in told:
        if isinstance(document, Page) and document.stream.startswith("text."):
            for request, tokens in zip(document.data["request"], document.data["tokens"], strict=True):
                assert isinstance(tokens, int)
                streamed[request] = streamed.get(request, 0) + tokens
    assert finished, "some requests finish"
    for mark in finished:
        assert streamed[mark.request] == mark.data["completion_tokens"], "the stream's tokens are the usage's"


@pytest.mark.parametrize(
    ("signum", "code", "words"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 130, "SIGTERM")]
)
def test_a_signal_ends_the_race_with_its_stop(races: Races, signum: int, code: int, words: str) -> None:
    out = races.folder / "race.jsonl"
    process = races.start("run", races.demo(seconds=30), "--out", str(out))
    wait_until(lambda: begun_racing(out), what="the race has begun")
    process.send_signal(signum)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == code
    assert words.encode() in errors and b"Traceback" not in errors
    assert stop_of(out).exit_status == "abort"
    assert not races.processes()


def test_kill_9_of_the_race_leaves_a_recording_and_nobody_behind(races: Races) -> None:
    out = races.folder / "race.jsonl"
    process = races.start("run", races.demo(seconds=30), "--out", str(out))
    wait_until(lambda: begun_racing(out), what="the race has begun")
    assert races.processes("engine.sampler") and len(races.processes("engine.simulator")) >= 2
    process.kill()
    process.communicate()
    wait_until(lambda: not races.processes(), seconds=5, what="arms, leashes and sampler are gone")
    content = out.read_bytes()
    assert content.endswith(b"\n"), "every document is one write"
    text = races.run("compare", str(out))
    assert text.returncode == 0 and "cut off" in text.stdout
    assert json.loads(races.run("compare", str(out), "--json").stdout)["complete"] is False


def test_a_race_whose_server_is_gone_writes_its_stop(races: Races) -> None:
    out = races.folder / "race.jsonl"
    process = races.start("run", races.demo(seconds=30), "--out", str(out), "--stream", stdout=subprocess.DEVNULL)
    wait_until(lambda: begun_racing(out), what="the race has begun")
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    process.wait(timeout=10)
    assert stop_of(out).reason == "the server is gone"
    wait_until(lambda: not races.processes(), seconds=5, what="everybody is gone")


def test_the_stream_is_what_the_recording_has(races: Races) -> None:
    out = races.folder / "race.jsonl"
    process = races.start("run", races.demo(), "--out", str(out), "--stream")
    assert process.stdout is not None and process.stdin is not None
    streamed = process.stdout.read()
    process.communicate()
    assert process.returncode == 0
    assert streamed == out.read_bytes()


def test_the_stream_may_go_into_a_file(races: Races) -> None:
    out, streamed = races.folder / "race.jsonl", races.folder / "streamed"
    with streamed.open("wb") as file:
        process = races.start("run", races.demo(), "--out", str(out), "--stream", stdout=file)
        assert process.wait(60) == 0
    assert streamed.read_bytes() == out.read_bytes()


def test_an_arm_that_cannot_start_is_named_with_its_reason(races: Races) -> None:
    out = races.folder / "race.jsonl"
    demo = races.demo(second=", env: {WATTRACE_SIM_FAIL_START: '1'}")
    done = races.run("run", demo, "--out", str(out))
    assert done.returncode == 1
    assert "arm B" in done.stderr and "out of memory" in done.stderr and "Traceback" not in done.stderr
    assert stop_of(out).exit_status == "fail"
    assert not races.processes()


def test_an_arm_that_dies_while_racing_ends_the_run_and_says_so(races: Races) -> None:
    out = races.folder / "race.jsonl"
    process = races.start("run", races.demo(seconds=30), "--out", str(out))
    wait_until(lambda: begun_racing(out), what="the race has begun")
    arms = {pid: line for pid, line in races.processes("engine.simulator").items() if "engine.leash" not in line}
    os.kill(min(arms), signal.SIGKILL)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1 and b"was killed by SIGKILL" in errors
    stop = stop_of(out)
    assert stop.exit_status == "fail" and "arm A" in stop.reason
    states = [m.state for m in documents(out) if isinstance(m, Mark) and m.kind == MarkKind.ARM and m.arm == "A"]
    assert states[-1] == "failed"
    assert not races.processes()


def written(races: Races, *, schedule: str, arms: list[str], workload: str = "") -> str:
    """A demo of simulated arms, the first with one slot, the second with two, and so on; `arms` adds to each."""
    file = races.folder / "arms.yaml"
    mappings = [
        f"  - {{name: arm {n}, runtime: simulated, args: {{max_num_seqs: {n}}}{more}}}"
        for n, more in enumerate(arms, 1)
    ]
    head = [
        "title: A short race",
        "model: {gpu: Qwen/Qwen2.5-1.5B-Instruct}",
        f"workload: {{max_tokens: 24, concurrency: 4{workload}}}",
        f"schedule: {{baseline_seconds: 0.3, warm_up_seconds: 0, {schedule}}}",
        "arms:",
    ]
    file.write_text("\n".join([*head, *mappings]))
    return str(file)


def marks_of(path: Path, kind: MarkKind) -> list[Mark]:
    return [each for each in documents(path) if isinstance(each, Mark) and each.kind is kind]


def simulator_of(races: Races, slots: int) -> int:
    """The process of the arm with so many slots; its leash names them too."""
    found = races.processes(f"--max-num-seqs {slots} ")
    return next(pid for pid, line in found.items() if "engine.leash" not in line)


def test_two_arms_that_are_left_go_on_without_the_dead_one(races: Races) -> None:
    out = races.folder / "race.jsonl"
    demo = written(races, schedule="round_seconds: 1.5, rounds: 6", arms=["", "", ""])
    process = races.start("run", demo, "--out", str(out))
    wait_until(lambda: begun_racing(out), what="the race has begun")
    os.kill(simulator_of(races, 1), signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    last = errors.splitlines()[-1]
    assert last.startswith(b"wattrace: arm A: ") and b"was killed by SIGKILL" in last and b"Traceback" not in errors
    ends = {mark.round: (mark.arm, mark.data["complete"]) for mark in marks_of(out, MarkKind.ROUND_END)}
    # ABC, CBA: round 6 would have been A's
    assert ends == {1: ("A", False), 2: ("B", True), 3: ("C", True), 4: ("C", True), 5: ("B", True)}
    assert stop_of(out).exit_status == "fail"
    result = json.loads(races.run("compare", str(out), "--json").stdout)
    assert result["complete"] is False and result["arms"][1]["rounds"] == 2
    assert not races.processes()


def test_a_race_that_may_stop_when_it_is_decided_does(races: Races) -> None:
    out = races.folder / "race.jsonl"
    demo = written(races, schedule="round_seconds: 1, rounds: 40, stop_when_decided: true", arms=["", ""])
    done = races.run("run", demo, "--out", str(out), timeout=110)
    assert done.returncode == 0, done.stderr
    [note] = [mark.text for mark in marks_of(out, MarkKind.NOTE) if "decided" in (mark.text or "")]
    blocks = len(marks_of(out, MarkKind.ROUND_END)) // 2
    assert note == f"the verdict is decided: ended after {blocks} of 20 blocks" and 2 <= blocks < 20
    verdict = json.loads(races.run("compare", str(out), "--json").stdout)["verdicts"][0]
    assert (verdict["metric"], verdict["method"], verdict["decided"]) == ("joules_per_token", "anytime", True)


FOREIGN = """
import sys
from pathlib import Path
from engine.occupancy import Load, Occupancy
occupancy = Occupancy(Path(sys.argv[1]))
sys.stdin.readline()
occupancy.write(1, Load(running=1, memory_share=0.5))
sys.stdin.read()
"""


def test_a_program_of_others_on_the_gpu_is_told_and_its_round_not_attributed(races: Races) -> None:
    """In the first arm's turn; the second one, whose place on the simulated GPU it takes, has its own later."""
    out = races.folder / "race.jsonl"
    process = races.start("run", races.demo(seconds=6), "--out", str(out))
    wait_until(lambda: races.processes("--occupancy"), seconds=60, what="an arm starts")
    file = next(iter(races.processes("--occupancy").values())).split("--occupancy ")[1].split()[0]
    other = subprocess.Popen([sys.executable, "-c", FOREIGN, file], stdin=subprocess.PIPE, text=True)
    assert other.stdin is not None
    try:
        wait_until(lambda: begun_racing(out), seconds=60, what="the race has begun")
        other.stdin.write("now\n")
        other.stdin.flush()
        wait_until(lambda: b'"code":"foreign_process"' in out.read_bytes(), what="it is told")
    finally:
        other.communicate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    begun, over = [mark for mark in marks_of(out, MarkKind.WARNING) if mark.data.get("code") == "foreign_process"]
    assert begun.data["open"] is True and begun.data["device"] == over.data["device"] == "gpu0"
    assert begun.data["pids"] == [other.pid] and over.end_t_ns is not None
    one, four = json.loads(races.run("compare", str(out), "--json").stdout)["arms"]
    assert not one["attributable"] and "foreign_process" in one["reasons"] and one["joules_per_token"] is None
    assert four["tokens_per_second"] > 0


def test_an_arm_that_may_be_started_again_loses_one_round_only(races: Races) -> None:
    out = races.folder / "race.jsonl"
    again = ", restart: {times: 1, backoff_seconds: 0.1}"
    demo = written(races, schedule="round_seconds: 1.5, rounds: 4", arms=[again, ""])
    process = races.start("run", demo, "--out", str(out))
    wait_until(lambda: begun_racing(out), what="the race has begun")
    os.kill(simulator_of(races, 1), signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    complete = {mark.round: mark.data["complete"] for mark in marks_of(out, MarkKind.ROUND_END)}
    assert complete == {1: False, 2: True, 3: True, 4: True}
    states = [mark.state for mark in marks_of(out, MarkKind.ARM) if mark.arm == "A"]
    assert states[states.index("failed") :].count("ready") == 1
    assert not races.processes()


@pytest.mark.parametrize("mode", ["parallel", "shared"])
def test_arms_that_run_together(races: Races, mode: str) -> None:
    out = races.folder / "race.jsonl"
    demo = written(races, schedule=f"mode: {mode}, round_seconds: 1, rounds: 4", arms=["", ""])
    done = races.run("run", demo, "--out", str(out))
    assert done.returncode == 0, done.stderr
    begins, ends = marks_of(out, MarkKind.ROUND_BEGIN), marks_of(out, MarkKind.ROUND_END)
    assert [(mark.round, mark.arm, mark.data["block"]) for mark in begins] == [
        (1, "A", 1),
        (2, "B", 1),
        (3, "A", 2),
        (4, "B", 2),
    ]
    assert begins[0].t_ns == begins[1].t_ns < min(mark.t_ns for mark in ends)
    assert all(mark.data["complete"] for mark in ends)
    arms = json.loads(races.run("compare", str(out), "--json").stdout)["arms"]
    assert all(arm["tokens"] > 0 for arm in arms)
    assert [("shared_device" in arm["reasons"], arm["attributable"]) for arm in arms] == [
        (mode == "shared", mode == "parallel")
    ] * 2


def test_rounds_of_the_same_work(races: Races) -> None:
    out = races.folder / "race.jsonl"
    workload = ", prompts: handbook, prefix_cache: per_round, fixed_length: true"
    demo = written(races, schedule="round_requests: 10, rounds: 4", arms=["", ""], workload=workload)
    done = races.run("run", demo, "--out", str(out))
    assert done.returncode == 0, done.stderr
    asked: dict[int | None, list[str | None]] = {}
    for mark in marks_of(out, MarkKind.REQUEST_SUBMITTED):
        asked.setdefault(mark.round, []).append(mark.text)
    assert len(asked) == 4 and all(prompts == asked[1] and len(prompts) == 10 for prompts in asked.values())
    finished = marks_of(out, MarkKind.REQUEST_FINISHED)
    assert len(finished) == 40 and not marks_of(out, MarkKind.REQUEST_FAILED)
    assert {mark.data["completion_tokens"] for mark in finished} == {24}
    assert all(mark.data["prompt_tokens"] > 1000 for mark in finished)
    assert all(
        mark.data["requests"] == 10 and mark.data["ends_t_ns"] is None for mark in marks_of(out, MarkKind.ROUND_BEGIN)
    )


def test_an_engine_that_died_behind_its_server_is_noticed(races: Races) -> None:
    """A vLLM whose core was killed answers 503 for seconds, and a server that merely hangs is not one."""
    out = races.folder / "race.jsonl"
    process = races.start(
        "run", races.demo(seconds=30, first=", env: {WATTRACE_SIM_UNHEALTHY_AFTER_SECONDS: '1'}"), "--out", str(out)
    )
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and b"arm A: its server lives but its engine is dead" in errors
    assert stop_of(out).exit_status == "fail"


def test_a_killed_leash_leaves_nothing_of_its_arm(races: Races) -> None:
    out = races.folder / "race.jsonl"
    process = races.start("run", races.demo(seconds=30), "--out", str(out))
    wait_until(lambda: begun_racing(out), what="the race has begun")
    os.kill(min(races.processes("engine.leash")), signal.SIGKILL)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1 and b"arm A" in errors
    wait_until(lambda: not races.processes(), seconds=5, what="the arm went with its leash")


def test_a_dead_sampler_is_told_and_its_watts_stay_unknown(races: Races) -> None:
    out = races.folder / "race.jsonl"
    process = races.start("run", races.demo(seconds=2, rounds=4), "--out", str(out))
    wait_until(lambda: begun_racing(out), what="the race has begun")
    [sampler] = races.processes("engine.sampler")
    os.kill(sampler, signal.SIGKILL)
    process.communicate(timeout=30)
    warnings = [m.text for m in documents(out) if isinstance(m, Mark) and m.kind == MarkKind.WARNING]
    assert any("sampler process was killed by SIGKILL" in (text or "") for text in warnings)
    arms = json.loads(races.run("compare", str(out), "--json").stdout)["arms"]
    assert arms[1]["joules_per_token"] is None and arms[1]["tokens"] > 0


def test_a_full_disk_keeps_what_was_recorded_and_still_says_stop(races: Races) -> None:
    """The limit on a file's size stands in for the disk: the same error path, wherever tests run."""
    out = races.folder / "race.jsonl"

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))

    process = races.start("run", races.demo(seconds=30), "--out", str(out), preexec_fn=small_files)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"cannot record further" in errors and b"Traceback" not in errors
    assert out.stat().st_size <= 300_000 and out.read_bytes().endswith(b"\n")
    assert json.loads(races.run("compare", str(out), "--json").stdout)["arms"][0]["tokens"] > 0
    assert not races.processes()
