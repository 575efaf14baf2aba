"""What the load generator and the simulated server cost, and how exact they are: `python bench/loadgen.py`.

Prints, for 8 streams at about 2,000 tok/s and 64 streams at about 5,000 tok/s: the rate against the model's
own, the CPU of both processes (percent of one core), and how much later than a step each chunk comes. Then, for 64
streams at 5,000 tok/s from a server that stamps its chunks, the same beside vLLM's own bench client.
"""

import asyncio
import itertools
import sys
import time
from pathlib import Path

from contest import contest, cpu_seconds
from figures import Row, fact, finish, options, quantile, told

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "unit")]

from simulated_server import MODEL, SimulatedServer

from engine.clock import NS, MonotonicClock
from engine.config import Workload
from engine.documents import Mark, Page
from engine.loadgen import LoadGenerator, RoundLoad
from engine.simulator.model import Work, roofline

WARM_SECONDS = 1.0
WARM_TOKENS = 8


async def race(url: str, pid: int, streams: int, seconds: float) -> tuple[list[Page], RoundLoad, float, float]:
    documents: list[Mark | Page] = []
    clock = MonotonicClock(time.monotonic_ns())
    generator = LoadGenerator(
        arm="A",
        base_url=url,
        model=MODEL,
        workload=Workload(max_tokens=96),
        concurrency=streams,
        clock=clock,
        emit=documents.append,
        request_ids=itertools.count(1),
    )
    async with generator:
        await generator.first_answer()
        before = cpu_seconds(pid), time.process_time(), time.monotonic()
        load = await generator.round(1, clock.now_ns() + round(seconds * NS))
        took = time.monotonic() - before[2]
        server = (cpu_seconds(pid) - before[0]) / took
        client = (time.process_time() - before[1]) / took
    return [each for each in documents if isinstance(each, Page)], load, server, client


def distances_ms(pages: list[Page]) -> list[float]:
    """Between one chunk and the next of the same request."""
    last: dict[int, int] = {}
    found: list[float] = []
    for page in pages:
        for t_ns, cell in zip(page.t_ns, page.data["request"], strict=True):
            request = int(cell or 0)
            if request in last:
                found.append((t_ns - last[request]) / 1e6)
            last[request] = t_ns
    return sorted(found)


def report(name: str, arguments: list[str], streams: int, seconds: float, eager: bool) -> list[Row]:
    with SimulatedServer("--max-num-seqs", str(streams), *arguments) as server:
        pages, load, server_cpu, client_cpu = asyncio.run(race(server.url, server.process.pid, streams, seconds))
        counted = server.metric("generation_tokens_total")
    begin_ns, end_ns = load.begun_ns + round(WARM_SECONDS * NS), load.cutoff_ns
    tokens = sum(
        int(count or 0)
        for page in pages
        for t_ns, count in zip(page.t_ns, page.data["tokens"], strict=True)
        if begin_ns <= t_ns < end_ns
    )
    step_ms = roofline(MODEL, eager=eager).cost(Work(streams, streams, 0, streams * 85)).duration_ns / 1e6
    gaps = distances_ms(pages)
    added = sorted(gap - step_ms for gap in gaps)
    rate = tokens * NS / (end_ns - begin_ns)
    model = streams * 1000 / step_ms
    # The model's rate is of decoding alone, so the prompts' share is missing from it.
    return [
        told(f"{name}: tokens a second", rate, "", digits=0, note=f"of the model's {model:.0f}"),
        told(f"{name}: CPU of the load generator", client_cpu * 100, "%", note=" of a core"),
        told(f"{name}: CPU of the simulated arm", server_cpu * 100, "%", note=" of a core"),
        told(
            f"{name}: added per chunk, p50",
            quantile(added, 0.5),
            "ms",
            digits=2,
            note=f" to a step of {step_ms:.2f} ms",
        ),
        told(f"{name}: added per chunk, p99", quantile(added, 0.99), "ms", digits=2, note=f" (most {added[-1]:.2f})"),
        fact(
            f"{name}: tokens seen are tokens counted by the arm",
            "exact, but for one of each request withdrawn",
            0 <= round(counted) - load.completion_tokens - WARM_TOKENS <= load.withdrawn,
            measured=f"{load.completion_tokens} and {WARM_TOKENS} to warm up, {counted:.0f}"
            f"; {load.withdrawn} requests withdrawn",
        ),
    ]


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    seconds = arguments.seconds
    rows = [
        *report("1 stream, CUDA graphs", [], 1, seconds, eager=False),
        *report("8 streams, CUDA graphs", [], 8, seconds, eager=False),
        *report("64 streams, eager", ["--enforce-eager"], 64, seconds, eager=True),
        *contest(seconds),
    ]
    finish(rows, arguments.json)


if __name__ == "__main__":
    main()
