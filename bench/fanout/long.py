"""A long recording, made of a short one: its rounds again and again, with the times and numbers of a longer race."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.show import DEMO, WATTRACE
from engine.clock import NS

Line = dict[str, Any]
SECONDS = 20


def make(folder: Path, hours: float) -> Path:
    """The recording, in `folder`; a real race on the simulated device is its source."""
    (folder / "short.yaml").write_text(DEMO)
    short, long = folder / "short.jsonl", folder / "long.jsonl"
    command = [WATTRACE, "run", str(folder / "short.yaml"), "--simulate", "--rounds", "8", "--out", str(short)]
    subprocess.run(command, check=True, capture_output=True)
    lines = [json.loads(line) for line in short.read_text().splitlines()]
    with long.open("w") as file:
        file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lengthened(lines, hours * 3600))
    return long


def lengthened(lines: list[Line], seconds: float) -> Iterator[Line]:
    """The begin, the rounds as often as needed, and the end."""
    first = next(at for at, line in enumerate(lines) if line.get("kind") == "round_begin")
    last = max(at for at, line in enumerate(lines) if line.get("kind") == "round_end") + 1
    rounds = lines[first:last]
    period_ns = moment(rounds[-1]) - moment(rounds[0])
    joules = spent(rounds)
    numbers = {name: max(line.get(name) or 0 for line in rounds) for name in ("round", "request")}
    times = max(1, round(seconds * NS / period_ns))
    yield from lines[:first]
    for time in range(times):
        for line in rounds:
            yield shifted(line, time * period_ns, time * joules, {name: time * most for name, most in numbers.items()})
    for line in lines[last:]:
        yield shifted(line, (times - 1) * period_ns, (times - 1) * joules, {})


def moment(line: Line) -> int:
    stamp = line["t_ns"]
    found: int = stamp[-1] if isinstance(stamp, list) else line.get("end_t_ns") or stamp
    return found


def spent(rounds: list[Line]) -> float:
    readings = [
        value for line in rounds for value in line.get("data", {}).get("energy_joules", []) if value is not None
    ]
    return float(readings[-1] - readings[0])


def shifted(line: Line, ns: int, joules: float, numbers: dict[str, int]) -> Line:
    """The line as it would be that much later."""
    later = dict(line)
    stamp = line["t_ns"]
    later["t_ns"] = [each + ns for each in stamp] if isinstance(stamp, list) else stamp + ns
    if line.get("end_t_ns") is not None:
        later["end_t_ns"] = line["end_t_ns"] + ns
    for name, more in numbers.items():
        if isinstance(line.get(name), int):
            later[name] = line[name] + more
    data = dict(line.get("data") or {})
    if data.get("ends_t_ns") is not None:
        data["ends_t_ns"] += ns
    if data.get("block") is not None and numbers:
        data["block"] += numbers["round"] // 2
    if "energy_joules" in data:
        data["energy_joules"] = [None if each is None else round(each + joules, 3) for each in data["energy_joules"]]
    if isinstance(data.get("request"), list) and numbers:
        data["request"] = [each + numbers["request"] for each in data["request"]]
    return {**later, "data": data} if data else later
