"""How true the joules are: wattrace beside its peers, on one fake device, over the same seconds.

    python bench/energy [--quick] [--no-peers] [--seed N] [--case WORD] [--json FILE]

Several fake GPUs at once, each at its own random phases; the worst error of a signal's GPUs is reported. Peers run in
processes and an environment of their own (bench/energy/peers.txt), which the first run installs.
"""

import asyncio
import json
import random as randomness
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.energy.cases import all_cases, quick_cases
from bench.energy.fake import NoCompiler, fake_driver
from bench.energy.ours import recorded_windows
from bench.energy.peers import peers as all_peers
from bench.energy.report import coverage_rows, lines, notes, rows_of, title
from bench.energy.rounds import groups_of, play, rounds_of
from bench.figures import Row, options, plain, table

PHASES, QUICK_PHASES = 8, 2
RECORDINGS, QUICK_RECORDINGS = 8, 1
RECORDING_SECONDS = 12
WINDOWS = 1000
"""More than the 200 that are asked for: all windows of a recording share its luck, and medians of 200 are luck too."""


async def run(*, quick: bool, wanted: bool, seed: int, word: str) -> list[Row]:
    """Measure and print; the rows."""
    random = randomness.Random(seed)
    phases = QUICK_PHASES if quick else PHASES
    groups = groups_of(
        [case for case in (quick_cases() if quick else all_cases()) if word in f"{case.name} {case.board}"]
    )
    with fake_driver() as driver:
        async with all_peers(driver, wanted=wanted) as peers:
            print("\n".join(title(peers, phases)), flush=True)
            for together in rounds_of(groups, phases):
                await play(together, driver, [peer for peer in peers if not peer.problem], random)
                print("\n".join(line for group in together for line in lines(group, peers)), flush=True)
            print("\n".join(notes(groups, peers)), flush=True)
        rows = [row for group in groups for row in rows_of(group)]
        if not word:
            recordings = QUICK_RECORDINGS if quick else RECORDINGS
            share = WINDOWS // RECORDINGS
            many = [await recorded_windows(driver, RECORDING_SECONDS, share, random) for _ in range(recordings)]
            found = coverage_rows([trial for trials in many for trial in trials])
            print(f"\n{table(found)}", flush=True)
            rows += found
    return rows


def main() -> int:
    """The bench's part `energy`."""
    parser = options(__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="two phases instead of eight, fewer cases: two minutes")
    parser.add_argument("--no-peers", action="store_true", help="wattrace alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", default="", metavar="WORD", help="only cases whose name has this in it")
    chosen = parser.parse_args()
    begun = time.monotonic()
    try:
        rows = asyncio.run(run(quick=chosen.quick, wanted=not chosen.no_peers, seed=chosen.seed, word=chosen.case))
    except NoCompiler as error:
        print(f"  {error}", file=sys.stderr)
        return 1
    print(f"  {time.monotonic() - begun:.0f} s", flush=True)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([plain(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
