"""A page in headless Chromium, measured from outside and by its own counters."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import quantile
from playwright.sync_api import Browser, CDPSession, Page, Playwright, Route, ViewportSize

PROBE = Path(__file__).with_name("probe.js")
BARE = Path(__file__).with_name("bare.html")
SIZE = ViewportSize(width=1920, height=1080)
# One core of a slow machine draws: the flags keep a GPU, and everything that is not the page, away.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    # The bare page is answered by us, not by a host, so the browser does not know it for a local one.
    "--disable-features=LocalNetworkAccessChecks",
]
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Watched:
    """What a page did while it was watched."""

    drawn_per_second: float
    received_per_second: float
    gaps: int
    busy_percent: float
    cpu_percent: float
    stamped_p50_ms: float
    """From the server's stamp on a frame to the first picture that has it."""
    stamped_p99_ms: float
    update_p50_ms: float
    update_p99_ms: float
    long_tasks: int
    longest_task_ms: float
    heap_megabytes: float
    heap_growth_megabytes: float


def launch(playwright: Playwright, path: str) -> Browser:
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


@contextmanager
def opened(
    browser: Browser, url: str, *, bare: bool = False, slower: float = 1.0, script: Path | None = None
) -> Iterator[Page]:
    """The page in a fresh profile: nothing is cached. `slower`: on a processor that much slower."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.add_init_script(path=PROBE)
    if script is not None:
        page.add_init_script(path=script)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    if bare:
        # Served in the server's own name, so that the socket and Plotly are the same.
        page.route("**/bare", answer_bare)
    page.goto(f"{url}/bare" if bare else f"{url}/")
    try:
        yield page
    finally:
        context.close()


def answer_bare(route: Route) -> None:
    route.fulfill(body=BARE.read_text(), content_type="text/html")


def painted(page: Page) -> dict[str, float]:
    """Seconds after navigation until the first digits and the axes were painted, and what they cost.

    On a machine with neighbours the main thread waits for a core: then its CPU says what the page itself takes.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    wait(page, lambda: None not in (counters(page)["axesMs"], counters(page)["firstLineMs"]))
    seen, cost = counters(page), metrics(session)
    times = {name: seen[name] / 1000 for name in ("firstDigitsMs", "firstLineMs", "axesMs")}
    return {**times, "cpu": cost["ThreadTime"], "waited": cost["TaskDuration"] - cost["ThreadTime"]}


def wait(page: Page, condition: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Polls from outside: the page's policy forbids what Playwright's own waiting would need."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not yet after {seconds:g} s"
        page.wait_for_timeout(100)


def counters(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("window.wattrace ?? {axesMs: null, firstLineMs: null}")
    return found


def watch(page: Page, seconds: float) -> Watched:
    """Let the page run for a while. Nothing is asked of it in between."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    heap = used_megabytes(session)
    page.evaluate("probe.updates.length = probe.stamps.length = probe.longTasks.length = 0")
    seen, before = counters(page), metrics(session)
    page.wait_for_timeout(seconds * 1000)
    later, after = counters(page), metrics(session)
    probe = page.evaluate("window.probe")
    took = after["Timestamp"] - before["Timestamp"]
    now = used_megabytes(session)
    # Chromium's own clock and the server's are the same: CLOCK_MONOTONIC.
    stamped = [1000 * after["NavigationStart"] + at_ms - stamp_t_ns / 1e6 for stamp_t_ns, at_ms in probe["stamps"]]
    return Watched(
        drawn_per_second=(later["framesDrawn"] - seen["framesDrawn"]) / took,
        received_per_second=(later["framesReceived"] - seen["framesReceived"]) / took,
        gaps=later["gaps"] - seen["gaps"],
        busy_percent=100 * (after["TaskDuration"] - before["TaskDuration"]) / took,
        cpu_percent=100 * (after["ThreadTime"] - before["ThreadTime"]) / took,
        stamped_p50_ms=quantile(stamped, 0.5),
        stamped_p99_ms=quantile(stamped, 0.99),
        update_p50_ms=quantile(probe["updates"], 0.5),
        update_p99_ms=quantile(probe["updates"], 0.99),
        long_tasks=len(probe["longTasks"]),
        longest_task_ms=max(probe["longTasks"], default=0.0),
        heap_megabytes=now,
        heap_growth_megabytes=now - heap,
    )


def metrics(session: CDPSession) -> dict[str, float]:
    return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}


def used_megabytes(session: CDPSession) -> float:
    """What is really in use: garbage is collected first."""
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6
