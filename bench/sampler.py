"""How well the sampler keeps its deadlines and what it costs: `python bench/sampler.py [seconds]`.

At 100 Hz and 1 kHz, with the machine left alone and with one core kept busy, in one run: on the simulated
GPU, and through the real NVML bindings on the tests' fake driver library where a C compiler is there to
build it.
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
from statistics import fmean, quantiles

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])

from engine.clock import NS  # noqa: E402 - the bench runs from a bare checkout too
from engine.documents import Page  # noqa: E402
from engine.sampling import Sampler  # noqa: E402

SECONDS = 10.0
HEADER = "source     rate  load   achieved Hz   interval error ms   lateness us     call us         CPU %"


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    print(f"{seconds:g} s each, {os.cpu_count()} cores; pairs are p50 / p99")
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        sources = ["simulated", "nvml"] if build_fake_nvml(Path(folder)) else ["simulated"]
        for source in sources:
            for rate_hz in (100, 1000):
                for busy in (False, True):
                    with spinning(busy):
                        pages = asyncio.run(measure(source, rate_hz, seconds))
                    print(report(source, rate_hz, busy, pages), flush=True)


def build_fake_nvml(folder: Path) -> bool:
    compiler = shutil.which("cc")
    if compiler is None:
        return False
    source = ROOT / "tests" / "fake_nvml" / "fake_nvml.c"
    flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", str(folder / "libnvidia-ml.so.1"), str(source)], check=True)
    os.environ["LD_LIBRARY_PATH"] = str(folder)
    os.environ["FAKE_NVML"] = "signal=square;noise=0.5"
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
    documents: list[object] = []
    origin = time.monotonic_ns()
    async with Sampler(source=source, clock_origin_ns=origin, rate_hz=rate_hz, seed=7, on_document=documents.append):
        await asyncio.sleep(seconds)
    return [document for document in documents if isinstance(document, Page)]


def column(pages: Sequence[Page], name: str) -> list[float]:
    return [value for page in pages for value in page.data.get(name, []) if isinstance(value, (int, float))]


def report(source: str, rate_hz: int, busy: bool, pages: Sequence[Page]) -> str:
    stamps = [t for page in pages if page.stream == "gpu0" for t in page.t_ns]
    intervals = [later - earlier for earlier, later in pairwise(stamps)]
    achieved = (len(stamps) - 1) * NS / (stamps[-1] - stamps[0])
    errors_ms = [abs(interval - NS / rate_hz) / 1e6 for interval in intervals]
    cpu = fmean(column(pages, "sampler_cpu_percent"))
    return (
        f"{source:10} {rate_hz:4}  {'busy' if busy else 'idle'}   {achieved:8.2f}      {pair(errors_ms, 3)}"
        f"     {pair(column(pages, 'sampler_lateness_microseconds'), 0)}"
        f"     {pair(column(pages, 'sampler_call_microseconds'), 0)}   {cpu:5.2f}"
    )


def pair(values: Sequence[float], digits: int) -> str:
    cuts = quantiles(values, n=100)
    return f"{cuts[49]:6.{digits}f} /{cuts[98]:7.{digits}f}"


if __name__ == "__main__":
    main()
