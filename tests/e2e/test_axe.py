"""axe finds nothing on any page, in either theme, on a projector and on a phone."""

from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import Show, viewer
from e2e.hall import CLOSED, JOIN, LOAD, OPEN, REVEALED, show
from e2e.staged import Stage, drawn, hello, idle, staged

pytestmark = pytest.mark.browser

SIZES = [(1920, 1080), (390, 844)]
Scheme = Literal["dark", "light"]
everywhere = pytest.mark.parametrize(("width", "height"), SIZES)
either_theme = pytest.mark.parametrize("scheme", ["dark", "light"])


def violations(page: Page) -> list[str]:
    """What axe has to say, a line for each element."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


@pytest.fixture(scope="module", params=["/", "/view"])
def watching(browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, Stage]]:
    """One page, brought from one state to the next."""
    with staged(browser, request.param, plotly=True) as (page, stage):
        yield page, stage


@everywhere
@either_theme
def test_the_pages_that_watch(watching: tuple[Page, Stage], width: int, height: int, scheme: Scheme) -> None:
    page, _ = watching
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    drawn(page)
    assert violations(page) == []


STATES = {
    "hidden": hello(6, 4, show=show(verdict_hidden=True)),
    "failed": hello(2, 3, state="failed", reason="arm B ended by itself with status 1"),
    "frozen replay": hello(2, 3, show=show(frozen=True), replay=True),
    "bet open": idle(2, show=show(join=JOIN, bet=OPEN, load=LOAD)),
    "questions": hello(2, 3, show=show(join=JOIN, bet=CLOSED, load=LOAD)),
    "bet told": hello(3, 3, show=show(bet=REVEALED)),
}


@either_theme
@pytest.mark.parametrize("state", STATES)
def test_states_of_the_race(watching: tuple[Page, Stage], state: str, scheme: Scheme) -> None:
    """Each in both themes and at both sizes, though not in all four pairs: themes differ in colours alone."""
    page, stage = watching
    width, height = SIZES[(list(STATES).index(state) + (scheme == "dark")) % 2]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    stage.send(STATES[state])
    drawn(page)
    assert violations(page) == []


@everywhere
@either_theme
def test_looking_back(browser: Browser, race: Show, width: int, height: int, scheme: Scheme) -> None:
    with viewer(browser, race.url, width=width, height=height, color_scheme=scheme) as page:
        # There is nothing to look back at before a race has begun.
        expect(page.locator("body")).to_have_attribute("data-state", "racing", timeout=60_000)
        expect(page.locator(".dvr-bar")).to_be_attached()
        page.keyboard.press(" ")
        expect(page.locator("body")).to_have_attribute("data-look", "back")
        drawn(page)
        assert violations(page) == []


@everywhere
@either_theme
def test_the_list_of_keys(browser: Browser, width: int, height: int, scheme: Scheme) -> None:
    viewport = {"width": width, "height": height}
    with staged(browser, control=True, viewport=viewport, color_scheme=scheme) as (page, _):
        expect(page.get_by_role("link", name="Console")).to_be_visible()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog").locator("kbd")).not_to_have_count(1)
        assert violations(page) == []


@everywhere
@either_theme
def test_the_projector_with_everything_opened(browser: Browser, width: int, height: int, scheme: Scheme) -> None:
    viewport = {"width": width, "height": height}
    with staged(browser, viewport=viewport, color_scheme=scheme) as (page, _):
        page.get_by_role("button", name="Figures as a table").click()
        page.locator("#sensor summary").click()
        expect(page.locator("#figures tbody tr")).to_have_count(2)
        drawn(page)
        assert violations(page) == []


@pytest.fixture(scope="module")
def console(browser: Browser, race: Show) -> Iterator[Page]:
    """The presenter's page, by the presenter's link."""
    with viewer(browser, race.login_url) as page:
        page.goto(race.url + "present")
        yield page


@everywhere
@either_theme
def test_the_presenter_s_console(console: Page, width: int, height: int, scheme: Scheme) -> None:
    console.set_viewport_size({"width": width, "height": height})
    console.emulate_media(color_scheme=scheme)
    drawn(console)
    assert violations(console) == []


def test_the_console_with_a_bet_open_and_findings(console: Page) -> None:
    tell = "async ([path, body]) => (await import('/static/desk.js')).post(path, body)"
    console.evaluate(tell, ["/api/show/bet", {"state": "open"}])
    console.evaluate(tell, ["/api/show/load", {"open": True}])
    expect(console.locator("#audience [aria-pressed=true]").first).to_be_visible()
    drawn(console)
    assert violations(console) == []
    console.evaluate(tell, ["/api/show/bet", {"state": "off"}])
    console.evaluate(tell, ["/api/show/load", {"open": False}])


@everywhere
@either_theme
def test_the_console_s_locked_door(browser: Browser, width: int, height: int, scheme: Scheme) -> None:
    viewport = {"width": width, "height": height}
    with staged(browser, "/present-locked", viewport=viewport, color_scheme=scheme) as (page, _):
        assert violations(page) == []
