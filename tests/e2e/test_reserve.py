"""The way to the server is lost on stage: the presenter's page plays the recording that it has kept, and says so."""

import re
import zlib
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from e2e.conftest import keep_screenshot
from e2e.staged import Stage, frame, hello, staged
from e2e.test_projector import RESERVE, settings
from engine.recording import Reader
from server.report.tape import Tape

pytestmark = pytest.mark.browser

SLOW = 30_000
TAPED = "Batch 1 against batch 8, recorded"


@pytest.fixture(scope="module")
def tape(recorded: Any) -> bytes:
    """What the server gives the presenter's page to keep."""
    made = Tape(recorded.name)
    for document in Reader(recorded):
        made.add(document)
    made.end(whole=True)
    content = made.content().replace(b'"title":"Batch 1 against batch 8"', f'"title":"{TAPED}"'.encode())
    assert TAPED.encode() in content
    return zlib.compress(content)


def keep(page: Page, stage: Stage, tape: bytes, *, control: bool = True, **fallback: Any) -> list[str]:
    """The page is opened by a presenter while a recording stands by; what it asks of that."""
    asked: list[str] = []

    def give(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body=tape, content_type="application/zlib")

    page.route("**/api/run", lambda route: route.fulfill(json={"control": control}))
    page.route("**/api/show/reserve", give)
    stage.first = hello(show=settings(fallback={**RESERVE, "why": "", **fallback}))
    page.reload()
    return asked


def test_the_page_plays_what_it_has_kept_until_the_presenter_goes_back_to_live(browser: Browser, tape: bytes) -> None:
    with staged(browser) as (page, stage):
        asked = keep(page, stage, tape)
        expect(page.locator("body")).to_have_attribute("data-reserve", "ready", timeout=SLOW)
        badges, notice, title = (page.locator(f"#{name}") for name in ("badges", "notice", "title"))
        stage.die()
        expect(badges).to_contain_text("OFFLINE", timeout=SLOW)
        expect(notice).to_contain_text("R plays the recording that this page has kept")
        expect(badges).not_to_contain_text("REPLAY")
        page.keyboard.press("r")
        expect(badges).to_contain_text("REPLAY", timeout=SLOW)
        for word in ("SIMULATED", "OFFLINE"):
            expect(badges).to_contain_text(word)
        expect(title).to_have_text(TAPED)
        expect(page.locator("#panels .trace-own").first).to_have_attribute("d", re.compile("M"))
        left = page.locator("#schedule .countdown").inner_text()
        expect(page.locator("#schedule .countdown")).not_to_have_text(left), "it moves"
        keep_screenshot(page, "projector-reserve")
        page.keyboard.press("r")
        expect(notice).to_contain_text("until it is there again")

        stage.gone = False
        expect(notice).to_contain_text("The server is back", timeout=SLOW)
        for step in range(20):
            stage.send(frame(run=stage.first["run"]["id"], t_s=70 + step / 20, temperature_celsius=77))
        page.wait_for_timeout(500)
        expect(title).to_have_text(TAPED), "live comes back by hand only"
        expect(page.locator("#device")).not_to_contain_text("77")
        page.keyboard.press("r")
        expect(notice).to_contain_text("Back to live? R again")
        expect(badges).to_contain_text("REPLAY")
        page.keyboard.press("r")
        expect(badges).not_to_contain_text("REPLAY", timeout=SLOW)
        expect(badges).not_to_contain_text("OFFLINE", timeout=SLOW)
        expect(title).to_have_text("Batch 1 against batch 8")
        expect(notice).to_be_hidden()
        assert len(asked) == 1, "it is asked for once"


def test_at_its_end_it_says_so_and_plays_again(browser: Browser, tape: bytes) -> None:
    with staged(browser) as (page, stage):
        keep(page, stage, tape)
        expect(page.locator("body")).to_have_attribute("data-reserve", "ready", timeout=SLOW)
        # This browser's clock runs nine times as fast: a recording of seconds is over at once.
        page.evaluate("() => { const now = performance.now.bind(performance); performance.now = () => now() * 9; }")
        stage.die()
        expect(page.locator("#notice")).to_contain_text("R plays the recording", timeout=SLOW)
        page.keyboard.press("r")
        expect(page.locator("#notice")).to_contain_text("The recording is over. R plays it again", timeout=SLOW)
        expect(page.locator("#badges")).to_contain_text("REPLAY")
        page.keyboard.press("r")
        expect(page.locator("#notice")).to_contain_text("this is a recording", timeout=SLOW)
        expect(page.locator("#notice")).to_contain_text("The recording is over. R plays it again", timeout=SLOW)


def test_the_recording_of_another_demo_is_not_kept(browser: Browser, tape: bytes) -> None:
    with staged(browser) as (page, stage):
        keep(page, stage, tape)
        body = page.locator("body")
        expect(body).to_have_attribute("data-reserve", "ready", timeout=SLOW)
        other = hello(show=settings(fallback={**RESERVE, "available": False, "file": "", "why": ""}))
        other["run"]["demo"] = "never-rehearsed"
        stage.send(other)
        expect(body).not_to_have_attribute("data-reserve", "ready")
        stage.die()
        expect(page.locator("#badges")).to_contain_text("OFFLINE", timeout=SLOW)
        page.keyboard.press("r")
        expect(page.locator("#badges")).not_to_contain_text("REPLAY")


def test_a_network_that_falls_silent_is_no_end_of_the_panic_key(browser: Browser, tape: bytes) -> None:
    """The page cannot know yet that nobody hears it: the question ends by itself, and then it plays what it has."""
    with staged(browser) as (page, stage):
        keep(page, stage, tape)
        expect(page.locator("body")).to_have_attribute("data-reserve", "ready", timeout=SLOW)
        page.route("**/api/show/fallback", lambda route: None)  # never answered
        page.evaluate("() => { AbortSignal.timeout = () => AbortSignal.abort(new DOMException('', 'TimeoutError')); }")
        page.keyboard.press("r")
        expect(page.locator("#badges")).to_contain_text("REPLAY", timeout=SLOW)
        expect(page.locator("#title")).to_have_text(TAPED)


def test_where_that_was_set_before_it_comes_by_itself(browser: Browser, tape: bytes) -> None:
    with staged(browser) as (page, stage):
        keep(page, stage, tape, automatic=True)
        expect(page.locator("body")).to_have_attribute("data-reserve", "ready", timeout=SLOW)
        stage.die()
        expect(page.locator("#title")).to_have_text(TAPED, timeout=SLOW)
        expect(page.locator("#badges")).to_contain_text("REPLAY")


def test_a_page_that_only_watches_keeps_nothing(browser: Browser, tape: bytes) -> None:
    with staged(browser) as (page, stage):
        asked = keep(page, stage, tape, control=False)
        expect(page.locator("#badges")).to_contain_text("SIMULATED")
        stage.die()
        expect(page.locator("#badges")).to_contain_text("OFFLINE", timeout=SLOW)
        page.keyboard.press("r")
        expect(page.locator("#notice")).not_to_contain_text("R plays")
        assert not asked
