"""How the page gets its frames when the network is bad: other ways, other times, and what it says meanwhile."""

import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import Show, viewer

pytestmark = pytest.mark.browser


NO_SOCKETS = """
window.WebSocket = class {
  constructor() { setTimeout(() => this.onclose?.({ code: 1006 }), 10); }
  close() {}
};
"""

KEPT_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...words) { super(...words); window.sockets.push(this); }
};
"""


def counted(page: Page, name: str) -> int:
    return int(page.evaluate(f"window.wattrace.{name}"))


def wait_for_frames(page: Page, count: int) -> None:
    """Until the page has received so many; its security policy lets no condition be evaluated in it."""
    for _ in range(200):
        if counted(page, "framesReceived") >= count:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{counted(page, 'framesReceived')} of {count} frames came")


def test_where_websockets_do_not_get_through_the_page_uses_events_by_itself(browser: Browser, race: Show) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    # A proxy that refuses to upgrade: the handshake gets a plain answer.
    page.add_init_script(NO_SOCKETS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(race.url)
    wait_for_frames(page, 40)
    assert any(urlsplit(url).path == "/events" for url in asked)
    assert counted(page, "gaps") == 0
    expect(page.locator("#badges")).to_contain_text("SIMULATED")
    context.close()


def test_a_cut_connection_goes_on_without_a_gap(browser: Browser, race: Show) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.add_init_script(KEPT_SOCKETS)
    page.goto(race.url)
    # Frames of no run have nothing to go on from.
    expect(page.locator("body")).to_have_attribute("data-state", "racing", timeout=30_000)
    wait_for_frames(page, counted(page, "framesReceived") + 30)
    before, missed = (counted(page, "framesReceived"), counted(page, "lastSeq")), counted(page, "missed")
    page.evaluate("window.sockets.at(-1).close(4000)")
    wait_for_frames(page, before[0] + 60)
    assert "since=" in page.evaluate("window.sockets.at(-1).url")
    received, newest = counted(page, "framesReceived"), counted(page, "lastSeq")
    assert counted(page, "gaps") == 0 and counted(page, "missed") == missed
    assert abs((newest - before[1]) - (received - before[0])) <= 2, "every frame in between has come"
    context.close()


def test_a_server_that_stands_still_is_noticed_and_caught_up_with(
    browser: Browser, demo_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    show = Show(tmp_path_factory.mktemp("stands"), "demo", str(demo_file), "--autostart")
    try:
        with viewer(browser, show.url, width=1280, height=720) as page:
            wait_for_frames(page, 20)
            show.process.send_signal(signal.SIGSTOP)
            expect(page.locator("#badges")).to_contain_text("STALE", timeout=5000)
            show.process.send_signal(signal.SIGCONT)
            expect(page.locator("#badges")).not_to_contain_text("STALE", timeout=5000)
            assert counted(page, "gaps") == 0
    finally:
        show.process.send_signal(signal.SIGCONT)
        show.end()
