"""The dashboard of a live race in headless Chromium without a GPU: `python bench/page.py`.

Beside it, as a baseline, a bare page that has Plotly.react draw the same frames.
"""

import statistics
from collections.abc import Sequence

from browser import Watched, launch, opened, painted, watch
from figures import Row, fact, finish, least, most, options, told
from machine import chromium
from playwright.sync_api import Browser, sync_playwright
from show import serving

LOADS = 7
SECONDS = 30.0
BARE_SECONDS = 15.0
FULL_CHART_SECONDS = 30.0  # a chart is at its dearest when its whole window has data


def main() -> None:
    arguments = options(__doc__).parse_args()
    path = chromium()
    if path is None:
        return finish([Row("no Chromium on this machine", "skipped")], arguments.json)
    with serving("--rounds", "100") as running, sync_playwright() as playwright:
        url = running.address()
        running.wait_racing(running.recording())
        browser = launch(playwright, path)
        rows = [*loading(browser, url), *drawing(browser, url)]
        browser.close()
    return finish(rows, arguments.json)


def loading(browser: Browser, url: str) -> list[Row]:
    """The first load also starts the browser's processes: it counts like any other."""
    times: dict[str, list[float]] = {}
    for _ in range(LOADS):
        with opened(browser, url) as page:
            for name, value in painted(page).items():
                times.setdefault(name, []).append(value)
    return [
        *first("first digits painted after navigation", times["firstDigitsMs"], 0.5),
        *first("axes painted after navigation", times["axesMs"], 1.5),
        told("  main thread's CPU until then, median", statistics.median(times["cpu"]), "s", digits=2),
        told("  main thread waited for a core, median", statistics.median(times["waited"]), "s", digits=2),
    ]


def first(what: str, seconds: Sequence[float], limit: float) -> list[Row]:
    return [
        most(f"{what}, median of {len(seconds)}", statistics.median(seconds), limit, "s"),
        told(f"  {what}, worst", max(seconds), "s", digits=2),
    ]


def drawing(browser: Browser, url: str) -> list[Row]:
    with opened(browser, url) as page:
        painted(page)
        page.wait_for_timeout(FULL_CHART_SECONDS * 1000)
        own = watch(page, SECONDS)
    with opened(browser, url, bare=True) as page:
        painted(page)
        bare = watch(page, BARE_SECONDS)
    return rows(own, bare)


def rows(own: Watched, bare: Watched) -> list[Row]:
    none = own.gaps == 0
    return [
        least(f"drawn frames over {SECONDS:g} s", own.drawn_per_second, 25, "/s"),
        told("  drawn frames with Plotly.react", bare.drawn_per_second, "/s"),
        most("main thread busy", own.busy_percent, 25, "%", digits=1),
        told("  main thread's CPU while busy", own.cpu_percent, "%"),
        told("  busy with Plotly.react", bare.busy_percent, "%"),
        told("a picture, script to paint, p50", own.update_p50_ms, "ms"),
        told("a picture, script to paint, p99", own.update_p99_ms, "ms"),
        told("  a picture with Plotly.react, p50", bare.update_p50_ms, "ms"),
        told("  a picture with Plotly.react, p99", bare.update_p99_ms, "ms"),
        told("long tasks", own.long_tasks, "", digits=0, note=f"(longest {own.longest_task_ms:.0f} ms)"),
        told("  long tasks with Plotly.react", bare.long_tasks, "", digits=0, note=f"in {BARE_SECONDS:g} s"),
        least("frames at the page", own.received_per_second, 18, "/s"),
        fact("gaps in seq", "none", none, measured=str(own.gaps)),
        told("heap in use", own.heap_megabytes, "MB"),
        told("heap growth, garbage collected", own.heap_growth_megabytes, "MB", digits=2),
    ]


if __name__ == "__main__":
    main()
