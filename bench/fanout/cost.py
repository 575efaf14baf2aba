"""What a delivered message costs, and how long it takes, beside three other servers in the same run."""

import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from bench.fanout.tools import load, measured, serve
from bench.figures import Row, least, most, told

VIEWERS, ROUNDS, SECONDS, SETTLE_SECONDS = 500, 4, 2.0, 0.8
# What serves, and which frames are acknowledged: the baselines know nothing of acks, so they are compared without.
KINDS = {
    "naive": ("naive", 0),
    "broadcast": ("broadcast", 0),
    "floor": ("floor", 0),
    "ours": ("ours", 0),
    "ours, acks": ("ours", 10),
}
NAMES = {
    "naive": "Starlette, await send_text to each",
    "broadcast": "websockets.broadcast",
    "floor": "a C epoll loop",
    "ours": "wattrace, no acks",
    "ours, acks": "wattrace, acks every tenth",
}
Slice = dict[str, float]


def cost(folder: Path) -> list[Row]:
    """Everybody by turns, in another order each time; ratios are within a turn, and their median counts."""
    rounds = [turn(folder, number) for number in range(ROUNDS)]
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for name in KINDS:
        for figure in ("us", "p50_ms", "p99_ms", "gaps"):
            found[name][figure] = median(each[name][figure] for each in rounds)

    def ratio(one: str, other: str) -> float:
        return median(each[one]["us"] / each[other]["us"] for each in rounds)

    rows = [
        told(f"CPU a message, {NAMES[name]}", each["us"], "us", note=latency(each), digits=2)
        for name, each in found.items()
    ]
    with_acks = ratio("ours, acks", "ours")
    return [
        *rows,
        least("  naive over ours", ratio("naive", "ours"), 2.0, "x", digits=2),
        most("  ours over websockets.broadcast", ratio("ours", "broadcast"), 1.1, "x"),
        least(
            "  share of the floor's speed",
            100 * ratio("floor", "ours"),
            65,
            "%",
            note=f" (acks cost {with_acks:.2f} x)",
        ),
        most(f"delivery to {VIEWERS}, acks, p50", found["ours, acks"]["p50_ms"], 5, "ms"),
        most(f"delivery to {VIEWERS}, acks, p99", found["ours, acks"]["p99_ms"], 15, "ms"),
    ]


def turn(folder: Path, number: int) -> dict[str, Slice]:
    names = list(KINDS)
    first = number % len(names)
    return {name: one(folder, *KINDS[name]) for name in names[first:] + names[:first]}


def one(folder: Path, kind: str, ack_every: int) -> Slice:
    """A fresh server and fresh viewers."""
    with serve(kind, folder=folder) as server, load(folder, server.first, f"hall:{VIEWERS}:{ack_every}:0:stay") as hall:
        time.sleep(SETTLE_SECONDS)
        spent, _, groups = measured(server.process.pid, hall, SECONDS)
        got = groups["hall"]
        return {**got, "us": spent / got["messages"] * 1e6}


def latency(found: dict[str, float]) -> str:
    return f" (p50 {found['p50_ms']:.1f}, p99 {found['p99_ms']:.1f} ms)"
