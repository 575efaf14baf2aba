"""64 streams at 5,000 tokens a second from `pacer.py`: our load generator, and vLLM's bench client, on the same server.

Of both clients: the CPU while they read (percent of one core), and how much later than it was sent each chunk is
stamped by the client.
"""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from figures import Row, fact, most, quantile, told

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.clock import NS, MonotonicClock
from engine.config import Workload
from engine.cpu_build.location import find_interpreter, find_model
from engine.documents import ArmInfo, Document, Page, Start
from engine.loadgen import LoadGenerator, RoundLoad
from engine.narrator import Narrator
from engine.recording import Recorder

STREAMS, RATE, TOKENS = 64, 5000.0, 96
CORE_PERCENT, LATE_MS = 50.0, 5.0

# vLLM's `bench serve` without its command line, which wants an installed distribution; options are its own.
THEIR_CLIENT = """
from vllm.benchmarks.serve import add_cli_args, main
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = FlexibleArgumentParser()
add_cli_args(parser)
main(parser.parse_args())
"""


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, in the kernel's ticks of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Reading:
    """What one client cost, and how late it stamped each chunk."""

    chunks: int
    seconds: float
    cpu_percent: float
    late_ms: Sequence[float]

    def rows(self, name: str, *, asked: bool) -> list[Row]:
        """The figures, of which ours have limits."""
        p99 = quantile(self.late_ms, 0.99)
        cpu, late = f"{name}: CPU", f"{name}: added to a chunk, p99"
        note = f" (p50 {quantile(self.late_ms, 0.5):.2f}, most {max(self.late_ms):.2f})"
        rows = [told(f"{name}: tokens a second", self.chunks / self.seconds, "", digits=0, note=f"of {RATE:.0f}")]
        if asked:
            return [
                *rows,
                most(cpu, self.cpu_percent, CORE_PERCENT, "%", digits=1, note=" of a core"),
                most(late, p99, LATE_MS, "ms", note=note),
            ]
        return [*rows, told(cpu, self.cpu_percent, "%", note=" of a core"), told(late, p99, "ms", digits=2, note=note)]


@contextmanager
def pacer() -> Iterator[str]:
    """The server's address, for as long as the block lasts."""
    command = [sys.executable, str(Path(__file__).with_name("pacer.py"))]
    # Between two answers a stream misses about one step.
    rate = RATE * (TOKENS + 2) / TOKENS
    options = ["--streams", str(STREAMS), "--rate", str(rate), "--tokens", str(TOKENS)]
    with subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()


# -- our client


async def drive(
    url: str, requests: int, clock: MonotonicClock, emit: Callable[[Document], None]
) -> tuple[RoundLoad, float]:
    """One round of so many requests, and the CPU seconds that this process spent on it."""
    generator = LoadGenerator(
        arm="A",
        base_url=url,
        model="pacer",
        workload=Workload(max_tokens=TOKENS),
        concurrency=STREAMS,
        clock=clock,
        emit=emit,
        request_ids=itertools.count(1),
    )
    async with generator:
        emit(generator.descriptor())
        await generator.first_answer()
        before = time.process_time()
        load = await generator.round(1, asyncio.Event(), requests=requests)
        return load, time.process_time() - before


def ours(url: str, requests: int) -> tuple[Reading, RoundLoad]:
    """The load generator alone."""
    documents: list[Document] = []
    clock = MonotonicClock(time.monotonic_ns())
    load, cpu = uvloop.run(drive(url, requests, clock, documents.append))
    late = [
        (t_ns + clock.origin_ns - int(text)) / 1e6
        for page in documents
        if isinstance(page, Page)
        for t_ns, text in zip(page.t_ns, page.data["text"], strict=True)
        if isinstance(text, str)
    ]
    seconds = (load.drained_ns - load.begun_ns) / NS
    return Reading(len(late), seconds, 100 * cpu / seconds, late), load


def recorded(url: str, requests: int) -> float:
    """CPU (percent of a core) with all that a race does with the documents: the ledger and the recording."""
    clock = MonotonicClock(time.monotonic_ns())
    start = Start(
        run="bench",
        utc="",
        seed=1,
        demo={},
        arms=[ArmInfo(label="A", name="A", runtime="openai", concurrency=STREAMS)],
        provenance={},
        simulated={},
    )
    with tempfile.TemporaryDirectory() as folder, Recorder(Path(folder) / "bench.jsonl") as recorder:
        narrator = Narrator(clock, recorder, on_loss=lambda error: print(error, file=sys.stderr))
        narrator.emit(start)
        load, cpu = uvloop.run(drive(url, requests, clock, narrator.emit))
    return 100 * cpu * NS / (load.drained_ns - load.begun_ns)


# -- vLLM's client


def theirs(url: str, requests: int, python: Path, tokenizer: Path) -> Reading:
    """`vllm bench serve`; its CPU is read from outside, between its first request and its last chunk."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), "-c", THEIR_CLIENT, *_options(url, requests, tokenizer, folder)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            spent: list[tuple[float, float]] = []
            while process.poll() is None:
                spent.append((time.monotonic(), cpu_seconds(process.pid)))
                time.sleep(0.05)
            assert process.stderr is not None
            said = process.stderr.read()
        if process.returncode:
            raise RuntimeError(f"vLLM's bench client failed: {said[-2000:]}")
        [result] = Path(folder).glob("*.json")
        return _read(json.loads(result.read_text()), spent)


def _options(url: str, requests: int, tokenizer: Path, folder: str) -> list[str]:
    return [
        *("--backend", "openai-chat", "--endpoint", "/v1/chat/completions", "--base-url", url),
        *("--model", "pacer", "--tokenizer", str(tokenizer), "--ignore-eos", "--disable-tqdm"),
        *("--dataset-name", "random", "--random-input-len", "16", "--random-output-len", str(TOKENS)),
        *("--num-prompts", str(requests), "--max-concurrency", str(STREAMS)),
        *("--save-result", "--save-detailed", "--result-dir", folder),
    ]


def _read(found: dict[str, Any], spent: list[tuple[float, float]]) -> Reading:
    """The client's own stamps (perf_counter, which is CLOCK_MONOTONIC) against the times in the chunks' texts."""
    late: list[float] = []
    ends: list[float] = []
    for start, first, between, text in zip(
        found["start_times"], found["ttfts"], found["itls"], found["generated_texts"], strict=True
    ):
        stamps = list(itertools.accumulate(between, initial=start + first))
        sent = [int(word) for word in text.split()]
        late += [1000 * stamp - at / 1e6 for stamp, at in zip(stamps, sent, strict=True)]
        ends.append(stamps[-1])
    begun, ended = min(found["start_times"]), max(ends)
    within = [(t, cpu) for t, cpu in spent if begun <= t <= ended]
    percent = 100 * (within[-1][1] - within[0][1]) / (within[-1][0] - within[0][0])
    return Reading(len(late), ended - begun, percent, late)


def contest(seconds: float) -> list[Row]:
    """Both clients on one server; where vLLM is not installed a row says so."""
    # Whole waves of answers: in half a one, half of the streams would be idle at the end.
    requests = STREAMS * round(RATE * seconds / TOKENS / STREAMS)
    name = f"{STREAMS} streams at {RATE:,.0f} tokens/s"
    python, tokenizer = find_interpreter(), find_model("smollm2-135m")
    with pacer() as url:
        reading, load = ours(url, requests)
        rows = [
            *reading.rows(f"{name}, load generator", asked=True),
            fact(f"{name}: every chunk seen", "exact", load.complete and reading.chunks == requests * TOKENS),
            told(f"{name}, with ledger and recording: CPU", recorded(url, requests), "%", note=" of a core"),
        ]
        if python is None or tokenizer is None:
            return [*rows, Row(f"{name}, vLLM's bench client", "not installed here: make engine-cpu")]
        return [*rows, *theirs(url, requests, python, tokenizer).rows(f"{name}, vLLM's bench client", asked=False)]
