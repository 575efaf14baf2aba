"""A program that prints documents like a race, in real time, and misbehaves as its first argument says.

Run as a script: python fake_race.py race|dies|deaf|rubbish|huge|straggler|lingers|replay
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from engine.documents import ArmInfo, Column, Descriptor, Document, Mark, MarkKind, Page, Start, Stop, encode

MS = 1_000_000
ROUND_NS = 500 * MS


class FakeRace:
    """Rounds of half a second, A B B A, until a command or a closed standard input ends them."""

    def __init__(self) -> None:
        self.zero_ns = time.monotonic_ns()
        self.over = threading.Event()
        self.deaf = False
        self.run = f"fake-{os.getpid()}"
        self.file = self._recording()

    def _recording(self) -> int | None:
        """Where FAKE_RACE_DATA says, as a real race records."""
        if not (data := os.environ.get("FAKE_RACE_DATA")):
            return None
        path = Path(data) / "recordings" / f"{self.run}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def now(self) -> int:
        return time.monotonic_ns() - self.zero_ns

    def say(self, document: Document) -> None:
        line = encode(document)
        if self.file is not None:
            os.write(self.file, line)
        os.write(1, line)

    def listen(self) -> None:
        for line in sys.stdin:
            command = json.loads(line)
            if command["command"] == "stop" and not self.deaf:
                self.over.set()
            print(f"heard {line.strip()}", file=sys.stderr, flush=True)
        if not self.deaf:
            self.over.set()

    def begin(self) -> None:
        arms = [ArmInfo(label=label, name=f"arm {label}", runtime="simulated") for label in "AB"]
        schedule: Any = {"mode": "alternate", "round_seconds": 0.5, "rounds": 1000}
        self.say(
            Start(
                run=self.run,
                utc="2026-11-21T09:30:12Z",
                seed=7,
                demo={
                    "name": "fake",
                    "title": "Fake",
                    "learn": "Nothing.",
                    "model": {"gpu": "m"},
                    "schedule": schedule,
                },
                arms=arms,
                provenance={},
                simulated={"power": True, "arms": True},
            )
        )
        watts, joules = Column(unit="W", kind="gauge"), Column(unit="J", kind="counter")
        columns = {"power_instant_watts": watts, "energy_joules": joules}
        self.say(Descriptor(stream="gpu0", t_ns=0, source="simulated", device="gpu0", columns=columns))
        self.say(Mark(kind=MarkKind.PHASE, t_ns=self.now(), state="racing"))

    def race(self) -> None:
        number, joules = 0, 0.0
        while not self.over.is_set():
            arm, number, begun = "ABBA"[number % 4], number + 1, self.now()
            facts: Any = {"arm": arm, "round": number}
            data = {"slots": 1, "ends_t_ns": begun + ROUND_NS}
            self.say(Mark(kind=MarkKind.ROUND_BEGIN, t_ns=begun, data=data, **facts))
            self.say(Mark(kind=MarkKind.REQUEST_SUBMITTED, t_ns=begun, request=number, text="Why?", **facts))
            self.say(Mark(kind=MarkKind.REQUEST_FIRST_TOKEN, t_ns=begun, request=number, **facts))
            while self.now() < begun + ROUND_NS and not self.over.is_set():
                time.sleep(0.02)
                joules += 2.0
                values: Any = {"power_instant_watts": [100.0], "energy_joules": [joules]}
                self.say(Page(stream="gpu0", t_ns=[self.now()], data=values))
                text: Any = {"request": [number], "tokens": [1], "text": ["word "]}
                self.say(Page(stream=f"text.{arm}", t_ns=[self.now()], data=text))
            done: Any = {"prompt_tokens": 1, "completion_tokens": 1, "finish_reason": "stop"}
            end = self.now()
            self.say(Mark(kind=MarkKind.REQUEST_FINISHED, t_ns=end, request=number, data=done, **facts))
            self.say(Mark(kind=MarkKind.ROUND_END, t_ns=end, end_t_ns=end, **facts))

    def end(self) -> None:
        self.say(Stop(t_ns=self.now(), exit_status="abort", reason="told to stop"))


def misbehave(how: str, race: FakeRace) -> None:
    if how == "dies":
        print("the reason is on the last line", file=sys.stderr, flush=True)
        sys.exit(3)
    if how == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        race.deaf = True
    if how == "rubbish":
        os.write(1, b'not json\n{"type":"mark"}\n\n\xff\xfe\n')
    if how == "huge":
        reasons = {f"column {number}": "x" * 100 for number in range(4000)}
        race.say(Descriptor(stream="wide", t_ns=0, source="fake", columns={}, unsupported=reasons))
    if how == "straggler":  # it holds our pipes, and outlives us
        subprocess.Popen(["sleep", "60"])
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    race = FakeRace()
    threading.Thread(target=race.listen, daemon=True).start()
    race.begin()
    misbehave(sys.argv[1], race)
    race.race()
    race.end()
    if sys.argv[1] == "lingers":
        time.sleep(1)
    if witness := os.environ.get("FAKE_RACE_WITNESS"):
        Path(witness).write_text("stopped by itself")


if __name__ == "__main__":
    main()
