"""What a race's standard input takes: commands of the presenter, and anything else without harm."""

import json
from pathlib import Path
from typing import Any

from engine.documents import Document, Mark, MarkKind, Stop, decode
from engine.recording import Reader
from engine.workload import STAGE
from integration.conftest import Races

RUBBISH = [
    b"",
    b"not json",
    b"[]",
    b"7",
    b'"next"',
    b"{}",
    b'{"command": 7}',
    b'{"command": "jump"}',
    b'{"command": "mark"}',
    b'{"command": "mark", "state": 1, "text": "x", "data": {}}',
    b'{"command": "mark", "state": "x", "text": "x", "data": []}',
    b'{"command": "mark", "state": "long", "text": "x", "data": {"x": "' + b"y" * 8000 + b'"}}',
    b'{"command": "mark", "state": "longer", "text": "' + b"y" * 300_000 + b'", "data": {}}',
    b'{"command": "mark", "state": "\\ud800", "text": "x", "data": {}}',
    b"\xff\xfe\x00",
    b"[" * 5000,
]


def mark(action: str, **data: Any) -> bytes:
    return json.dumps({"command": "mark", "state": action, "text": "Ada <b>", "data": data}).encode()


def test_commands_are_obeyed_marks_kept_and_rubbish_is_passed_over(races: Races) -> None:
    out = races.folder / "race.jsonl"
    process = races.start("run", races.demo(seconds=600, rounds=4), "--out", str(out), "--stream")
    assert process.stdin is not None and process.stdout is not None

    def say(*lines: bytes) -> None:
        assert process.stdin is not None
        process.stdin.write(b"".join(line + b"\n" for line in lines))
        process.stdin.flush()

    def heard(kind: MarkKind) -> Document:
        """The next mark of this kind."""
        assert process.stdout is not None
        while line := process.stdout.readline():
            document = decode(line)
            if isinstance(document, Mark) and document.kind is kind:
                return document
        raise AssertionError("the race has ended")

    say(mark("start"), *RUBBISH)
    heard(MarkKind.ROUND_BEGIN)
    say(*RUBBISH, mark("next"), b'{"command": "next"}')
    heard(MarkKind.ROUND_BEGIN)
    say(mark("stop"), b'{"command": "stop"}')
    process.communicate(timeout=60)
    check(out)


CROWD = """
title: The hall is the load
model: {gpu: Qwen/Qwen2.5-1.5B-Instruct}
workload: {max_tokens: 64, concurrency: 1}
schedule: {round_seconds: 4, rounds: 2, baseline_seconds: 0, warm_up_seconds: 0}
arms:
  - {name: with the hall, runtime: simulated, args: {max_num_seqs: 64}}
  - {name: without it, runtime: simulated, args: {max_num_seqs: 64}}
"""


def test_the_more_the_hall_asks_the_less_a_token_takes(races: Races) -> None:
    demo, out = races.folder / "hall.yaml", races.folder / "race.jsonl"
    demo.write_text(CROWD)
    process = races.start("run", str(demo), "--simulate", "--out", str(out), "--stream")
    assert process.stdin is not None and process.stdout is not None
    asks = [{"command": "request", "number": number, "prompt": STAGE[number]} for number in range(1, 33)]
    while line := process.stdout.readline():
        document = decode(line)
        if isinstance(document, Mark) and document.kind is MarkKind.ROUND_BEGIN and document.arm == "A":
            process.stdin.write(b"".join(json.dumps(ask).encode() + b"\n" for ask in asks))
            process.stdin.flush()
    process.communicate(timeout=60)
    arms = json.loads(races.run("compare", str(out), "--json").stdout)["arms"]
    hall, alone = (arm["joules_per_token"] for arm in arms)
    assert hall < 0.7 * alone, (hall, alone)
    assert "crowd_load" in arms[0]["reasons"] and "crowd_load" not in arms[1]["reasons"]


def check(out: Path) -> None:
    documents = list(Reader(out))
    marks = [document for document in documents if isinstance(document, Mark)]
    control = [(found.state, found.text) for found in marks if found.kind is MarkKind.CONTROL]
    assert control == [("start", "Ada <b>"), ("next", "Ada <b>"), ("stop", "Ada <b>")]
    ends = [found.data for found in marks if found.kind is MarkKind.ROUND_END]
    assert ends[0] == {"complete": False, "reason": "ended early by the presenter"}
    stop = documents[-1]
    assert isinstance(stop, Stop) and stop.exit_status == "abort" and stop.reason == "stopped by the presenter"
