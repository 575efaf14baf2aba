"""What a hall full of viewers costs, and what the worst of them do to the others.

    python bench/fanout [--only cost|hall|memory|stalls|soak] [--hours H] [--json FILE]

The server has one core and the load (C, built here) another, all on loopback. Ratios are against a naive Starlette
server, a bare `websockets.broadcast` server and a C epoll loop in the same run, by turns.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
# `show` and `latency` are scripts' modules of the folder above; the packages are the checkout's own.
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

from bench.fanout.cost import cost
from bench.fanout.hall import hall, memory
from bench.fanout.soak import soak
from bench.fanout.stalls import stalls
from bench.fanout.tools import NoCompiler, built
from bench.figures import Row, options, plain, table

PARTS: dict[str, Callable[[Path], list[Row]]] = {
    "cost": cost,
    "hall": hall,
    "memory": memory,
    "stalls": stalls,
    "soak": soak,
}


def main() -> int:
    """The bench's part `fanout`."""
    parser = options(__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=PARTS, help="this part alone")
    parser.add_argument("--hours", type=float, default=1.0, help="how long the soak's recording is: 3 minutes for one")
    chosen = parser.parse_args()
    parts: dict[str, Callable[[Path], list[Row]]] = {**PARTS, "soak": partial(soak, hours=chosen.hours)}
    begun, rows = time.monotonic(), list[Row]()
    try:
        with built() as folder:
            for name in [chosen.only] if chosen.only else parts:
                rows += parts[name](folder)
    except NoCompiler as error:
        print(f"  {error}", file=sys.stderr)
        return 1
    print(f"{table(rows)}\n  {time.monotonic() - begun:.0f} s", flush=True)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([plain(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
