"""Recordings as people keep them: checked, packed, recovered, followed, killed, and on a disk that fills up."""

import asyncio
import json
import random
import shlex
import shutil
import subprocess
from pathlib import Path

import aiohttp
import pytest
from appender import faults, kill_one
from serving import BEARER, Serving, settle

import engine.recording
from engine.documents import Document, Mark, MarkKind, Stop
from engine.errors import RecordingError
from engine.recording import check
from integration.conftest import Races
from integration.processes import WATTRACE, wait_until

CORPUS = Path(__file__).parents[1] / "corpus" / "schema-3.jsonl"


def test_a_run_leaves_a_recording_that_checks_and_a_packed_copy_where_that_is_wanted(races: Races) -> None:
    races.environment["WATTRACE_PACK"] = "1"
    out = races.folder / "race.jsonl"
    assert races.run("run", races.demo(), "--out", str(out)).returncode == 0
    packed = out.with_name("race.jsonl.zst")
    checked = races.run("check", str(out), str(packed), "--json")
    assert checked.returncode == 0, checked.stdout
    for report in json.loads(checked.stdout)["files"]:
        assert report["verdict"] == "good" and report["sealed"] and report["recomputed"] and report["findings"] == []
    compared = json.loads(races.run("compare", str(packed), "--json").stdout)
    assert compared == json.loads(json.dumps(engine.recording.open(out).summary()))


def test_the_commands_say_what_they_did_and_exit_so(races: Races) -> None:
    whole, cut, wrong = (races.folder / f"{name}.jsonl" for name in ("whole", "cut", "wrong"))
    shutil.copy(CORPUS, whole)
    content = CORPUS.read_bytes()
    cut.write_bytes(content[:60_000])
    wrong.write_bytes(content.replace(b'"completion_tokens":12', b'"completion_tokens":13', 1))
    answers = [races.run("check", str(file)) for file in (whole, cut, wrong)]
    assert [answer.returncode for answer in answers] == [0, 3, 1]
    assert "good" in answers[0].stdout and "to the last bit" in answers[0].stdout
    assert "cut off" in answers[1].stdout and "behind line" in answers[1].stdout
    assert "its bytes were changed" in answers[2].stdout
    assert races.run("check", str(races.folder / "none.jsonl")).returncode == 1
    recovered = races.run("recover", str(cut), "--out", str(races.folder / "recovered.jsonl"))
    assert recovered.returncode == 0 and "in the middle of a line" in recovered.stdout
    assert races.run("check", str(races.folder / "recovered.jsonl")).returncode == 0
    packed = races.run("pack", str(whole), "--replace")
    assert packed.returncode == 0 and not whole.exists() and "bytes instead of" in packed.stdout
    again = races.run("pack", str(whole.with_name("whole.jsonl.zst")))
    assert again.returncode == 1 and "is packed already" in again.stderr and "Traceback" not in again.stderr


async def test_a_race_is_followed_from_its_server_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_RACE_DATA", str(tmp_path))
    with Serving(autostart=True, data=tmp_path) as server:
        await settle(lambda: server.stage.scene.state == "racing")
        race = engine.recording.open(server.url)
        got: list[Document] = []

        async def follow() -> None:
            async for document in race:
                got.append(document)

        following = asyncio.create_task(follow())
        while len(got) < 50:
            await asyncio.sleep(0.02)
        assert not following.done() and race.start == got[0]
        assert len(race.samples("power_instant_watts")) > 0, "what came so far is there as tables"
        async with aiohttp.ClientSession(headers=BEARER) as client, client.post(f"{server.url}/api/run/stop"):
            pass
        await following
        file = server.stage.shelf.folder / "recordings" / f"{race.start.run}.jsonl"
        assert isinstance(got[-1], Stop) and got == list(engine.recording.open(file).documents())
        assert race.path.read_bytes() == file.read_bytes() and [d async for d in race] == []
        with pytest.raises(RecordingError, match="does not give this recording"):
            await anext(engine.recording.live.Spool(server.url, run="never-was").follow())
        with pytest.raises(RecordingError, match=r"gives no recording \(HTTP status 40[34]\)"):
            await anext(engine.recording.live.Spool(f"{server.url}/nothing/here").follow())


def test_killed_at_any_moment_nothing_that_was_appended_is_lost(tmp_path: Path) -> None:
    """`make bench` does this a hundred times."""
    chance = random.Random(7)
    for number in range(4):
        target = tmp_path / f"{number}.jsonl"
        told = kill_one(CORPUS, target, chance)
        assert told > 0 and faults(CORPUS, target, told) == []


def _namespace(races: Races, size: str) -> tuple[list[str], Path, str]:
    """A tiny file system of our own, in a mount namespace; skips where none may be made."""
    disk = races.folder / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size={size} none {disk}"
    own_namespace = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*own_namespace, mount], check=False).returncode:
        pytest.skip("this machine lets us make no mount namespace")
    return own_namespace, disk, mount


def test_a_disk_that_fills_is_warned_of_and_the_run_ends_before_it_is_full(races: Races) -> None:
    own_namespace, disk, mount = _namespace(races, "1200k")
    out, kept = disk / "race.jsonl", races.folder / "kept.jsonl"
    race = f"{mount} && {shlex.join([*WATTRACE, 'run', races.demo(seconds=60), '--out', str(out)])}; code=$?"
    script = f"{race}; cp {out} {kept}; exit $code"
    done = subprocess.run(
        [*own_namespace, script], env=races.environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 1 and "the disk is nearly full" in done.stderr, done.stderr
    documents = list(engine.recording.open(kept).documents())
    warnings = [d for d in documents if isinstance(d, Mark) and d.kind is MarkKind.WARNING]
    left = [d.data["minutes_left"] for d in warnings if d.data.get("code") == "disk_nearly_full"]
    assert left and all(isinstance(minutes, float) for minutes in left)
    stop = documents[-1]
    assert isinstance(stop, Stop) and stop.exit_status == "fail" and "nearly full" in stop.reason
    assert check(kept).verdict == "good", "it ended with everything in it"


def test_a_disk_that_others_fill_at_once_still_gets_the_stop(races: Races) -> None:
    own_namespace, disk, mount = _namespace(races, "2m")
    out, kept = disk / "race.jsonl", races.folder / "kept.jsonl"
    filled = f"until grep -q request_first_token {out} 2>/dev/null; do sleep 0.1; done; cat /dev/zero > {disk}/filler"
    command = shlex.join([*WATTRACE, "run", races.demo(seconds=60), "--out", str(out)])
    script = f"{mount}; ({filled}) 2>/dev/null & {command}; code=$?; cp {out} {kept}; exit $code"
    done = subprocess.run(
        [*own_namespace, script], env=races.environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 1 and ("No space left" in done.stderr or "nearly full" in done.stderr), done.stderr
    report = check(kept)
    assert report.verdict == "good" and report.streams["gpu0"].rows > 0
    assert wait_until(lambda: not races.processes(), what="nothing is left") is None
