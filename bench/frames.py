"""What one plain viewer receives: `python bench/frames.py`."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from itertools import pairwise

from figures import Row, fact, finish, least, options, quantile, told
from show import serving
from websockets.asyncio.client import ClientConnection, connect

SECONDS = 20.0
ACK_EVERY = 10
HELLO_BYTES = 16_000  # as docs/protocol.md promises
RATE_AT_LEAST = 18.0


@dataclass
class Received:
    """The arrivals of one viewer."""

    hello_bytes: int = 0
    arrived: list[float] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)
    missed: int = 0


def main() -> None:
    arguments = options(__doc__).parse_args()
    with serving("--rounds", "20") as running:
        url = running.address().replace("http", "ws", 1) + "/ws"
        running.wait_racing(running.recording())
        received = asyncio.run(view(url, SECONDS))
    finish(rows(received), arguments.json)


async def view(url: str, seconds: float) -> Received:
    """Watch as the page does, acks included."""
    received = Received()
    async with connect(url) as viewer:
        hello = await viewer.recv()
        received.hello_bytes = len(hello)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await take(viewer, received)
    return received


async def take(viewer: ClientConnection, received: Received) -> None:
    text = await asyncio.wait_for(viewer.recv(), 5)
    now_ns = time.monotonic_ns()
    message = json.loads(text)
    if message["type"] == "frame":
        received.arrived.append(now_ns / 1e9)
        received.seqs.append(message["seq"])
        received.sizes.append(len(text))
        # Server and bench share the machine's monotonic clock, so this is the whole way.
        received.delays_ms.append((now_ns - message["t_ns"]) / 1e6)
        if message["seq"] % ACK_EVERY == 0:
            await viewer.send(json.dumps({"ack": message["seq"]}))
    elif message["type"] == "missed":
        received.missed += message["frames"]
    elif message["type"] == "hello":  # the race has begun: the largest one counts
        received.hello_bytes = max(received.hello_bytes, len(text))


def rows(received: Received) -> list[Row]:
    gaps = sum(later - earlier - 1 for earlier, later in pairwise(received.seqs))
    rate = (len(received.arrived) - 1) / (received.arrived[-1] - received.arrived[0])
    between = [(later - earlier) * 1000 for earlier, later in pairwise(received.arrived)]
    lost = f"{gaps} in {len(received.seqs)} frames, {received.missed} told as missed"
    return [
        least(f"frames at the viewer over {SECONDS:g} s", rate, RATE_AT_LEAST, "/s"),
        fact("gaps in seq", "none", gaps == 0 and received.missed == 0, measured=lost),
        told("between frames, p50", quantile(between, 0.5), "ms"),
        told("between frames, p99", quantile(between, 0.99), "ms"),
        told("published to received, p50", quantile(received.delays_ms, 0.5), "ms"),
        told("published to received, p99", quantile(received.delays_ms, 0.99), "ms"),
        told("size of a frame, p50", quantile(received.sizes, 0.5), "bytes", digits=0),
        fact(
            "size of a hello",
            f"under {HELLO_BYTES} bytes",
            received.hello_bytes < HELLO_BYTES,
            measured=f"{received.hello_bytes} bytes",
        ),
    ]


if __name__ == "__main__":
    main()
