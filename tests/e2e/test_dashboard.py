"""The dashboard as a hall and a phone see it: a real demo process, a real browser."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.processes import wait_until
from playwright.sync_api import Browser, Page, Route, expect

from e2e.conftest import Show, keep_screenshot, viewer

pytestmark = pytest.mark.browser

# Text that does not fit its box: clipped at the right or the bottom, or hanging out of the window.
CLIPPED = """() => [...document.querySelectorAll('body *')].filter((node) => {
  if (!node.checkVisibility() || node.closest('.unseen') || node.closest('svg')) return false;
  if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) return false;
  const box = node.getBoundingClientRect();
  const style = getComputedStyle(node);
  const scrolled = style.overflow !== 'visible' && style.textOverflow !== 'ellipsis';
  return box.right > innerWidth + 1 || (scrolled && node.scrollWidth > node.clientWidth + 1);
}).map((node) => `${node.className}: ${node.textContent.slice(0, 60)}`)"""


def counters(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("window.wattrace")
    return found


def wait_for_turns_of_both(page: Page) -> None:
    """Until both panels have figures; the chart's own labels are none."""
    for panel in (0, 1):
        metrics = page.locator("#panels > *").nth(panel).locator(".metrics")
        expect(metrics).to_contain_text(re.compile(r"\d+\s*W"), timeout=30_000)


def test_both_arms_the_badge_and_moving_figures_are_seen(browser: Browser, race: Show) -> None:
    with viewer(browser, race.url) as page:
        expect(page.locator("#badges")).to_contain_text("SIMULATED")
        expect(page.locator("#panels")).to_contain_text("batch 1")
        expect(page.locator("#panels")).to_contain_text("batch 8")
        wait_for_turns_of_both(page)
        before = counters(page)
        text = page.locator("#panels").inner_text()
        wait_until(lambda: counters(page)["framesReceived"] - before["framesReceived"] >= 60, what="frames come")
        after = counters(page)
        assert after["gaps"] == 0 and after["lastSeq"] > before["lastSeq"]
        assert after["framesDrawn"] - before["framesDrawn"] >= 10, "the picture moves"
        assert page.locator("#panels").inner_text() != text, "the figures move"
        assert page.evaluate("document.querySelectorAll('#panels svg path').length") >= 2
        keep_screenshot(page, "dashboard-1920x1080")


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768), (820, 1180), (390, 844)])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_text_is_clipped(browser: Browser, race: Show, width: int, height: int, scheme: str) -> None:
    with viewer(browser, race.url, width=width, height=height, color_scheme=scheme) as page:
        wait_for_turns_of_both(page)
        page.wait_for_timeout(500)
        keep_screenshot(page, f"dashboard-{width}x{height}-{scheme}")
        assert page.evaluate(CLIPPED) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing to scroll sideways"


def test_plotly_draws_the_axes_and_without_it_the_figures_stay(browser: Browser, race: Show) -> None:
    with viewer(browser, race.url) as page:
        # The page's policy forbids the eval that Playwright's own wait_for_function needs.
        wait_until(lambda: page.evaluate("window.wattrace.axesMs !== null"), what="the axes are drawn")
        assert page.locator(".js-plotly-plot, .plotly").count() >= 2
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()

    def refuse(route: Route) -> None:
        route.abort()

    page.route("**/plotly.min.js", refuse)
    page.goto(race.url)
    wait_for_turns_of_both(page)
    assert page.evaluate("document.querySelectorAll('#panels svg path').length") >= 2
    context.close()


def test_a_viewer_has_no_controls_and_the_presenter_stops_and_starts(
    browser: Browser, demo_file: Path, tmp_path: Path
) -> None:
    show = Show(tmp_path, "demo", str(demo_file), "--autostart")
    try:
        with viewer(browser, show.url) as audience, viewer(browser, show.login_url) as stage:
            expect(stage.get_by_role("button", name="Stop")).to_be_visible()
            assert "ticket" not in stage.url, "the ticket does not stay in the address"
            expect(audience.get_by_role("button", name="Stop")).not_to_be_visible()
            wait_for_turns_of_both(stage)
            stage.get_by_role("button", name="Stop").click()
            expect(stage.get_by_role("button", name="Stop the race?")).to_be_visible()
            # It asks for four seconds, which may be over on a busy machine; two presses are an answer either way.
            stage.get_by_role("button", name="Stop").dblclick()
            for page in (audience, stage):
                expect(page.locator("#badges")).to_contain_text("ENDED", timeout=15_000)
                expect(page.locator("body")).to_contain_text("stopped by the presenter")
            stage.get_by_role("button", name="Start").click()
            expect(audience.locator("#badges")).not_to_contain_text("ENDED", timeout=15_000)
            expect(audience.locator("#badges")).to_contain_text("SIMULATED")
    finally:
        show.end()


def test_when_the_server_dies_the_page_says_so(browser: Browser, demo_file: Path, tmp_path: Path) -> None:
    show = Show(tmp_path, "demo", str(demo_file), "--autostart")
    context = browser.new_context()
    page = context.new_page()
    page.goto(show.url)
    expect(page.locator("#badges")).to_contain_text("SIMULATED")
    wait_until(lambda: list(tmp_path.glob("data/wattrace/recordings/*.jsonl")), what="the race has begun its recording")
    show.process.send_signal(signal.SIGKILL)
    expect(page.locator("#badges")).to_contain_text("OFFLINE", timeout=5_000)
    expect(page.locator("#badges")).to_contain_text("SIMULATED")
    context.close()
    show.process.wait()
    recordings = list((tmp_path / "data" / "wattrace" / "recordings").glob("*.jsonl"))
    show.end()
    [recording] = recordings
    assert b'"the server is gone"' in recording.read_bytes().splitlines()[-1]


def test_a_replay_says_replay_and_shows_the_recorded_figures(
    browser: Browser, recorded: Path, tmp_path: Path, compared: Callable[[Path], dict[str, Any]]
) -> None:
    show = Show(tmp_path, "replay", str(recorded), "--speed", "10")
    try:
        with viewer(browser, show.url) as page:
            expect(page.locator("#badges")).to_contain_text("REPLAY")
            expect(page.locator("#badges")).to_contain_text("SIMULATED")
            expect(page.locator("#badges")).to_contain_text("ENDED", timeout=30_000)
            keep_screenshot(page, "replay-ended")
            for index, arm in enumerate(compared(recorded)["arms"]):
                hero = page.locator("#panels > *").nth(index)
                expect(hero).to_contain_text(f"{arm['joules_per_token'] * 1000:.0f}")
    finally:
        show.end()


def test_titles_and_names_are_text_and_never_markup(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "nasty.yaml"
    nasty = "<img src=x onerror=alert(1)>"
    file.write_text(
        f'title: "{nasty}"\nlearn: "<script>alert(2)</script>"\nmodel: {{gpu: m-1B}}\n'
        f'arms: [{{name: "{nasty}", runtime: simulated}}, {{name: "<b>two</b>", runtime: simulated}}]\n'
    )
    show = Show(tmp_path, "demo", str(file))
    try:
        with viewer(browser, show.url) as page:
            expect(page.locator("#title")).to_have_text(nasty)
            expect(page.locator("#panels")).to_contain_text("<b>two</b>")
            assert page.locator('img[src="x"], #panels b > b, #panels script, #learn script').count() == 0
    finally:
        show.end()
