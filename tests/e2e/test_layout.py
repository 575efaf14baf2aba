"""No text is cut off, overlaps other text or hangs out of its box: measured in the browser, in every state there is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import keep_screenshot
from e2e.staged import Stage, drawn, hello, staged
from server.show import Show

pytestmark = pytest.mark.browser

BOXES = Path(__file__).with_name("boxes.js").read_text()
SIZES = [(1920, 1080), (1366, 768), (820, 1180), (390, 844), (320, 640)]
SCHEMES = ("dark", "light")


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[tuple[Page, Stage]]:
    """One page for all states: a new `hello` brings it from one to the next. The page's own axes are quicker drawn."""
    with staged(browser, plotly=False) as (page, stage):
        yield page, stage


def misplaced(page: Page, stage: Stage, message: dict[str, Any]) -> list[str]:
    """What is wrong when `message` is shown, in either theme."""
    stage.send(message)
    drawn(page)
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {what}" for what in page.evaluate(BOXES)]
    return found


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_one_to_six_arms_with_one_to_six_digits(stage: tuple[Page, Stage], width: int, height: int) -> None:
    page, far = stage
    page.set_viewport_size({"width": width, "height": height})
    found = {}
    for arms in range(1, 7):
        for digits in range(1, 7):
            if wrong := misplaced(page, far, hello(arms, digits)):
                found[arms, digits] = wrong
                keep_screenshot(page, f"layout-{width}x{height}-{arms}-{digits}")
    assert not found


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_plotly_s_axes(browser: Browser, width: int, height: int) -> None:
    with staged(browser, viewport={"width": width, "height": height}) as (page, stage):
        expect(page.locator("#panels .main-svg").first).to_be_attached()
        for arms in (1, 2, 6):
            assert misplaced(page, stage, hello(arms, 4)) == []


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("show", [{"verdict_hidden": True}, {"swapped": True}, {"frozen": True}])
@pytest.mark.parametrize("state", ["idle", "cooling", "done", "failed"])
def test_what_the_presenter_sets_and_what_the_race_is_at(
    stage: tuple[Page, Stage], width: int, height: int, show: dict[str, bool], state: str
) -> None:
    page, far = stage
    page.set_viewport_size({"width": width, "height": height})
    message = hello(2, 4, state=state, show={**Show().payload(), **show}, reason="arm B ended by itself with status 1")
    assert misplaced(page, far, message) == []
