"""axe finds nothing on any page, in either theme, on a projector and on a phone."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import Show, viewer
from e2e.staged import Stage, drawn, hello, staged
from server.show import Show as Settings

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
    with staged(browser, request.param) as (page, stage):
        yield page, stage


@everywhere
@either_theme
def test_the_pages_that_watch(watching: tuple[Page, Stage], width: int, height: int, scheme: Scheme) -> None:
    page, _ = watching
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    drawn(page)
    assert violations(page) == []


@pytest.mark.parametrize(
    "message",
    [
        hello(6, 4, show={**Settings().payload(), "verdict_hidden": True}),
        hello(2, 3, state="idle"),
        hello(2, 3, state="failed", reason="arm B ended by itself with status 1"),
    ],
)
def test_states_of_the_race(watching: tuple[Page, Stage], message: dict[str, Any]) -> None:
    page, stage = watching
    stage.send(message)
    drawn(page)
    assert violations(page) == []


def test_the_projector_with_everything_opened(browser: Browser) -> None:
    with staged(browser) as (page, _):
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


def test_the_console_s_locked_door(browser: Browser) -> None:
    with staged(browser, "/present-locked") as (page, _):
        assert violations(page) == []
