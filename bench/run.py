"""The project's own figures: `python bench/run.py [PART ...] [--json FILE]`, or `make bench ARGS="page crash"`.

Each part runs in a process of its own, one after the other, and within a time limit. A figure that misses what was
asked for says NO and is counted, but fails nothing: on a shared machine that may be the neighbours.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import facts

HERE = Path(__file__).resolve().parent
# Seconds that each part may take: about three times what it needs.
PARTS = {
    "startup": 60,
    "page": 700,
    "frames": 90,
    "isolation": 500,
    "crash": 180,
    "recording": 900,
    "sampler": 270,
    "loadgen": 150,
    "verdicts": 400,
    "fanout": 1500,
    "energy": 1800,
}
END_SECONDS = 30

Figures = list[dict[str, Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    machine = facts()
    for name, value in machine.items():
        print(f"{name:14}{value}")
    figures = {name: measured(name) for name in arguments.parts or PARTS}
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "parts": figures}, indent=1))
    return summed(figures)


def measured(name: str) -> Figures | None:
    """The part's figures; None when it failed, or took too long."""
    print(f"\n{name}  (load average {os.getloadavg()[0]:.2f})", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        began = time.monotonic()
        part = HERE / name if (HERE / name).is_dir() else HERE / f"{name}.py"
        problem = run_part([sys.executable, str(part), "--json", str(out)], PARTS[name])
        print(f"  {problem or 'took'} {time.monotonic() - began:.0f} s", flush=True)
        if problem or not out.exists():
            return None
        found: Figures = json.loads(out.read_text())
        return found


def run_part(command: list[str], seconds: float) -> str:
    """Run it; what went wrong, in words."""
    process = subprocess.Popen(command)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        end(process)
        return "took too long and was ended after"
    except KeyboardInterrupt:
        # The terminal has told the part too: let it end what it has started.
        end(process)
        raise
    return f"FAILED with status {code} after" if code else ""


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, so that it takes along what it has started; then make it."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def summed(figures: dict[str, Figures | None]) -> int:
    """The last line; the exit status tells only whether every part could measure."""
    asked = [row for rows in figures.values() if rows for row in rows if row["holds"] is not None]
    missed = [f"{row['what'].strip()}: {row['measured']}" for row in asked if not row["holds"]]
    failed = [name for name, rows in figures.items() if rows is None]
    print(f"\n{len(asked) - len(missed)} of {len(asked)} figures hold")
    for line in missed:
        print(f"  NO  {line}")
    for name in failed:
        print(f"  --  {name} gave no figures")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
