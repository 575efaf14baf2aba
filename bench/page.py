"""The projector's page of a live race in headless Chromium without a GPU: `python bench/page.py [--only PART ...]`.

Beside it, as a baseline, a bare page that has Plotly.react draw the same frames.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path

from browser import Watched, counters, launch, opened, painted, used_megabytes, wait, watch
from figures import Row, fact, finish, keep, least, most, options, table, told
from machine import chromium
from playwright.sync_api import Browser, Page, sync_playwright
from show import DEMO, serving

LOADS, SLOW_LOADS = 5, 3
SECONDS, SHORT_SECONDS = 60.0, 15.0
FULL_CHART_SECONDS = 30.0  # a chart is at its dearest when its whole window has data
SLOWER = 4.0
MARATHON = Path(__file__).with_name("marathon.js")
MARATHON_FRAMES = 30 * 60 * 20
"""Those of half an hour."""
SIX = DEMO.replace("rounds: 4", "rounds: 12") + "".join(
    f"  - {{name: batch {size}, runtime: simulated, args: {{max_num_seqs: {size}}}}}\n" for size in (2, 4, 16, 32)
)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS), help="some of the measurements")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the page is watched")
    arguments = parser.parse_args()
    path = chromium()
    if path is None:
        return finish([Row("no Chromium on this machine", "skipped")], arguments.json)
    rows: list[Row] = []
    with sync_playwright() as playwright:
        browser = launch(playwright, path)
        for name in arguments.only:
            with serving("--rounds", "600", demo=SIX if name == "six" else DEMO) as running:
                url = running.address()
                running.wait_racing(running.recording(), seconds=60)  # six arms warm up for 20
                found = PARTS[name](browser, url, arguments.seconds)
                print(table(found), flush=True)
                rows += found
        browser.close()
    return keep(rows, arguments.json)


def loading(browser: Browser, url: str, _: float) -> list[Row]:
    """The first load also starts the browser's processes: it counts like any other."""
    quick, slow = loads(browser, url, LOADS, 1.0), loads(browser, url, SLOW_LOADS, SLOWER)
    return [
        *first("first digits", quick["firstDigitsMs"], 0.3),
        *first("first charted line", quick["firstLineMs"], 0.8),
        *first("first digits, 4 times slower", slow["firstDigitsMs"], 1.0),
        *first("first charted line, 4 times slower", slow["firstLineMs"], 2.5),
        told("  Plotly's axes painted", statistics.median(quick["axesMs"]), "s", digits=2),
        told("  main thread's CPU until then, median", statistics.median(quick["cpu"]), "s", digits=2),
        told("  main thread waited for a core, median", statistics.median(quick["waited"]), "s", digits=2),
    ]


def loads(browser: Browser, url: str, count: int, slower: float) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    for _ in range(count):
        with opened(browser, url, slower=slower) as page:
            for name, value in painted(page).items():
                times.setdefault(name, []).append(value)
    return times


def first(what: str, seconds: Sequence[float], limit: float) -> list[Row]:
    return [
        most(f"{what} after navigation, median of {len(seconds)}", statistics.median(seconds), limit, "s"),
        told(f"  {what}, worst", max(seconds), "s", digits=2),
    ]


def drawing(browser: Browser, url: str, seconds: float) -> list[Row]:
    hosts: set[str] = set()
    with opened(browser, url) as page:
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.reload()
        painted(page)
        page.wait_for_timeout(FULL_CHART_SECONDS * 1000)
        own = watch(page, seconds)
        others = len(hosts - {url.split("/")[2]})
    bare = watched(browser, url, bare=True)
    return [
        least(f"drawn frames over {seconds:g} s", own.drawn_per_second, 30, "/s"),
        most("main thread busy", own.busy_percent, 15, "%", digits=1),
        told("  main thread's CPU while busy", own.cpu_percent, "%"),
        most("a picture, script to paint, p99", own.update_p99_ms, 8, "ms", digits=1),
        told("  a picture, script to paint, p50", own.update_p50_ms, "ms"),
        most("longest task", own.longest_task_ms, 60, "ms", digits=0, note=f" ({own.long_tasks} over 50 ms)"),
        *stamped(own),
        fact("requests to any other host", "none", others == 0, measured=str(others)),
        told("frames at the page", own.received_per_second, "/s"),
        fact("gaps in seq", "none", own.gaps == 0, measured=str(own.gaps)),
        *beside(bare),
    ]


def slower(browser: Browser, url: str, _: float) -> list[Row]:
    with opened(browser, url, slower=SLOWER) as page:
        painted(page)
        page.wait_for_timeout(FULL_CHART_SECONDS * 1000)
        own = watch(page, 2 * SHORT_SECONDS)
    bare = watched(browser, url, bare=True, slower=SLOWER)
    return [
        least("drawn frames, 4 times slower", own.drawn_per_second, 24, "/s"),
        most("main thread busy, 4 times slower", own.busy_percent, 50, "%", digits=1),
        *beside(bare),
    ]


def six(browser: Browser, url: str, _: float) -> list[Row]:
    with opened(browser, url) as page:
        painted(page)
        page.wait_for_timeout(FULL_CHART_SECONDS * 1000)
        own = watch(page, 2 * SHORT_SECONDS)
    return [
        least("drawn frames with 6 arms", own.drawn_per_second, 20, "/s"),
        most("main thread busy with 6 arms", own.busy_percent, 35, "%", digits=1),
    ]


def marathon(browser: Browser, url: str, _: float) -> list[Row]:
    """Half an hour's frames in half a minute: a made-up stream, since no race can be hurried."""
    with opened(browser, url, script=MARATHON) as page:
        painted(page)
        wait(page, lambda: counters(page)["framesReceived"] > MARATHON_FRAMES / 10)
        begun, before = counters(page)["framesReceived"], heap(page)
        wait(page, lambda: counters(page)["framesReceived"] - begun >= MARATHON_FRAMES, seconds=110)
        drawn, after = counters(page)["framesDrawn"], heap(page)
    return [
        most("heap growth over 30 minutes' frames", after - before, 3, "MB", note=f" (from {before:.1f} MB)"),
        told("  pictures drawn meanwhile", drawn, "", digits=0),
    ]


def heap(page: Page) -> float:
    return used_megabytes(page.context.new_cdp_session(page))


def watched(browser: Browser, url: str, *, bare: bool, slower: float = 1.0) -> Watched:
    with opened(browser, url, bare=bare, slower=slower) as page:
        painted(page)
        return watch(page, SHORT_SECONDS)


def stamped(own: Watched) -> list[Row]:
    return [
        most("server's stamp to painted, p50", own.stamped_p50_ms, 40, "ms", digits=1),
        most("server's stamp to painted, p99", own.stamped_p99_ms, 60, "ms", digits=1),
    ]


def beside(bare: Watched) -> list[Row]:
    """The same with Plotly.react for every frame."""
    return [
        told("  with Plotly.react: drawn frames", bare.drawn_per_second, "/s"),
        told("  with Plotly.react: busy", bare.busy_percent, "%"),
        told("  with Plotly.react: a picture, p99", bare.update_p99_ms, "ms"),
        told("  with Plotly.react: stamp to painted, p99", bare.stamped_p99_ms, "ms"),
        told("  with Plotly.react: longest task", bare.longest_task_ms, "ms", digits=0),
    ]


PARTS = {"loading": loading, "drawing": drawing, "slower": slower, "six": six, "marathon": marathon}

if __name__ == "__main__":
    main()
