"""How well the sampler keeps its deadlines and what it costs: `python bench/sampler.py [--seconds S]`.

At 100 Hz and 1 kHz, with the machine left alone and with one core kept busy, in one run: on the simulated
GPU, and through the real NVML bindings on the tests' fake driver library where a C compiler is there to
build it. There also: two GPUs whose calls take 500 us, one of two GPUs hanging, and what one call costs. And
before them a Python loop that only sleeps: on this machine no sampler in Python costs less.
"""

import asyncio
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from figures import Row, fact, finish, least, most, options, quantile, told

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])

from engine.clock import NS
from engine.documents import Mark, MarkKind, Page
from engine.sampling import Sampler

SECONDS = 10.0
SCRIPT = "signal=square;noise=0.5;seed=7"
# What is asked at each rate: achieved Hz, CPU in percent of a core.
ASKED = {100: (99.9, 1.5), 1000: (990.0, 6.0)}
LATENESS_US = 150


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    rows = [empty_loop(rate_hz) for rate_hz in ASKED]
    with tempfile.TemporaryDirectory() as folder:
        sources = ["simulated", "nvml"] if build_fake_nvml(Path(folder)) else ["simulated"]
        for source in sources:
            for rate_hz in (100, 1000):
                for busy in (False, True):
                    with spinning(busy):
                        pages = asyncio.run(measure(source, rate_hz, arguments.seconds))
                    rows += report(source, rate_hz, busy, pages)
        if "nvml" in sources:
            rows += [*asyncio.run(slow_driver(arguments.seconds)), *asyncio.run(hanging()), *call_cost()]
    finish(rows, arguments.json)


def build_fake_nvml(folder: Path) -> bool:
    compiler = shutil.which("cc")
    if compiler is None:
        return False
    source = ROOT / "tests" / "fake_nvml" / "fake_nvml.c"
    flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", str(folder / "libnvidia-ml.so.1"), str(source)], check=True)
    os.environ["LD_LIBRARY_PATH"] = str(folder)
    os.environ["FAKE_NVML"] = SCRIPT
    return True


@contextmanager
def spinning(busy: bool) -> Iterator[None]:
    """Keep one core busy with a child of ours."""
    child = multiprocessing.get_context("spawn").Process(target=spin, daemon=True) if busy else None
    if child is not None:
        child.start()
        time.sleep(0.5)
    try:
        yield
    finally:
        if child is not None:
            child.kill()
            child.join()


def spin() -> None:
    while True:
        pass


async def measure(source: str, rate_hz: int, seconds: float) -> list[Page]:
    return [each for each in await collect(source, rate_hz, seconds) if isinstance(each, Page)]


async def collect(source: str, rate_hz: int, seconds: float, script: str = SCRIPT) -> list[object]:
    documents: list[object] = []
    origin = time.monotonic_ns()
    os.environ["FAKE_NVML"] = f"t0_ns={origin};{script}"
    async with Sampler(source=source, clock_origin_ns=origin, rate_hz=rate_hz, seed=7, on_document=documents.append):
        await asyncio.sleep(seconds)
    return documents


async def slow_driver(seconds: float) -> list[Row]:
    """Two GPUs whose every call takes 500 us."""
    documents = await collect("nvml", 100, seconds, f"{SCRIPT};gpus=2;delay_us=500")
    pages = [each for each in documents if isinstance(each, Page)]
    hertz = min(achieved_hz(pages, stream) for stream in ("gpu0", "gpu1"))
    note = f" ({cpu_percent(pages):.2f} % CPU)"
    return [least("two GPUs, 500 us a call, 100 Hz: the slower", hertz, ASKED[100][0], "Hz", digits=2, note=note)]


async def hanging() -> list[Row]:
    """One of two GPUs is in a driver call for 3 s: what the other delivers meanwhile, and what is told."""
    documents = await collect("nvml", 100, 6, f"{SCRIPT};gpus=2;gpu1.hang=1.5:4.5")
    marks = [each for each in documents if isinstance(each, Mark) and each.data.get("stream") == "gpu1"]
    pages = [each for each in documents if isinstance(each, Page)]
    during = [t for t in stamps_of(pages, "gpu0") if 1.6 * NS < t < 4.4 * NS]
    told_after = [mark.t_ns / NS - 1.5 for mark in marks if mark.kind == MarkKind.WARNING]
    gaps = [mark for mark in marks if mark.kind == MarkKind.GAP]
    return [
        least("one GPU hangs for 3 s: the other", len(during) / 2.8, 99, "Hz"),
        most("one GPU hangs for 3 s: told after", min(told_after, default=9.9), 1.25, "s"),
        fact("one GPU hangs for 3 s: its gap is told", "one gap", len(gaps) == 1),
    ]


CALLS = """
import ctypes, time, pynvml
from engine.sources.nvml import find_nvml
from engine.sources.nvml_calls import field_value
[found] = find_nvml()
gpu = found.open()
fields = [186, 185, 83]

def wrapper():
    return [field_value(each) / 1000 for each in pynvml.nvmlDeviceGetFieldValues(gpu._handle, fields)]

def cost_us(call, times=50_000):
    begun = time.perf_counter_ns()
    for _ in range(times):
        call()
    return (time.perf_counter_ns() - begun) / times / 1000

fake = pynvml.nvmlLib.fake_cost_ns
fake.restype = ctypes.c_double
print(fake(0, 200_000) / 1000, cost_us(wrapper), cost_us(gpu.read_fast))
"""


def call_cost() -> list[Row]:
    """One reading of three fields in a tight loop, and what of it is the fake's own (a loop in C)."""
    environment = {**os.environ, "FAKE_NVML": SCRIPT}
    done = subprocess.run([sys.executable, "-c", CALLS], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    fake, wrapper, kept = map(float, done.stdout.split())
    return [
        told("three fields through pynvml's wrapper", wrapper - fake, "us", digits=2),
        told("three fields with the array kept", kept - fake, "us", digits=2),
        told("of which the fake driver's own, taken off", fake, "us", digits=2),
    ]


def column(pages: Sequence[Page], name: str) -> list[float]:
    return [value for page in pages for value in page.data.get(name, []) if isinstance(value, (int, float))]


def cpu_percent(pages: Sequence[Page]) -> float:
    """Of a core, over all the time that the rows are about: the last one, at the end, is about less than a second."""
    rows = [
        row
        for page in pages
        if page.stream == "sampler.process"
        for row in zip(page.t_ns, *page.data.values(), strict=True)
    ]
    # The first row begins when sampling does.
    begun = min(stamps_of(pages, "sampler"))
    spans = [later - earlier for earlier, later in pairwise([begun, *(t_ns for t_ns, _ in rows)])]
    return sum(span * float(cpu or 0) for span, (_, cpu) in zip(spans, rows, strict=True)) / sum(spans)


def stamps_of(pages: Sequence[Page], stream: str) -> list[int]:
    return [t for page in pages if page.stream == stream for t in page.t_ns]


def achieved_hz(pages: Sequence[Page], stream: str = "gpu0") -> float:
    stamps = stamps_of(pages, stream)
    return (len(stamps) - 1) * NS / (stamps[-1] - stamps[0])


def report(source: str, rate_hz: int, busy: bool, pages: Sequence[Page]) -> list[Row]:
    """Deadlines walk at 100 Hz, so an interval's error is against the interval between its own two deadlines."""
    lateness = column(pages, "sampler_lateness_microseconds")
    errors_ms = [abs(later - earlier) / 1000 for earlier, later in pairwise(lateness)]
    late, call = pair(lateness), pair(column(pages, "sampler_call_microseconds"))
    name = f"{source} GPU at {rate_hz} Hz" + (", a core kept busy" if busy else "")
    error, notes = quantile(errors_ms, 0.5), f" (p99 {quantile(errors_ms, 0.99):.3f})"
    hertz, percent = ASKED[rate_hz]
    return [
        least(f"{name}: achieved", achieved_hz(pages), hertz, "Hz", digits=2),
        most(f"{name}: interval error p50", error, 0.3, "ms", digits=3, note=notes),
        # Asked beside a busy core: a machine with nothing else to do sleeps, and wakes up slowly.
        most(f"{name}: lateness p50", quantile(lateness, 0.5), LATENESS_US, "us", digits=0)
        if busy
        else told(f"{name}: lateness p50", quantile(lateness, 0.5), "us", digits=0),
        most(f"{name}: CPU", cpu_percent(pages), percent, "%", note=f" (late us {late}; call us {call})"),
    ]


def empty_loop(rate_hz: int, seconds: float = 5.0) -> Row:
    """The CPU of a loop that does nothing but wait for its next deadline."""
    begun, cpu = time.monotonic(), time.process_time()
    for tick in range(1, round(rate_hz * seconds) + 1):
        time.sleep(max(0.0, begun + tick / rate_hz - time.monotonic()))
    percent = 100 * (time.process_time() - cpu) / (time.monotonic() - begun)
    return told(f"an empty loop at {rate_hz} Hz: CPU", percent, "%", digits=2)


def pair(values: Sequence[float]) -> str:
    return f"p50 {quantile(values, 0.5):.0f}, p99 {quantile(values, 0.99):.0f}"


if __name__ == "__main__":
    main()
