"""The line on the power sensor, as a hall, a phone and a keyboard meet it."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from e2e.conftest import Show, keep_screenshot, viewer
from e2e.test_dashboard import CLIPPED, wait_for_turns_of_both

pytestmark = pytest.mark.browser

SIZES = [(1920, 1080), (1366, 768), (820, 1180), (390, 844)]


def spoilt(message: dict[str, Any]) -> dict[str, Any]:
    """The same message from a server whose sensor is wrong."""
    for part in (message, message.get("frame") or {}):
        if part.get("sensor"):
            part["sensor"] |= {"reasons": ["counter_average_disagree", "power_capped", "simulated"], "valid": False}
        for arm in (part.get("arms") or {}).values():
            arm["reasons"] = ["simulated", "sensor_beats_with_load"]
    return message


def spoil(route: WebSocketRoute) -> None:
    server = route.connect_to_server()
    server.on_message(lambda text: route.send(json.dumps(spoilt(json.loads(text)))))


def fits(page: Page) -> None:
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing to scroll sideways"


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_line_opens_by_touch_and_shows_the_figures(browser: Browser, race: Show, width: int, height: int) -> None:
    with viewer(browser, race.url, width=width, height=height, has_touch=True) as page:
        line = page.locator("#sensor summary")
        expect(line).to_contain_text(re.compile(r"simulated sensor ok: \d+ Hz, counter every 1\d\d.ms"), timeout=20_000)
        box = line.bounding_box()
        assert box is not None and box["height"] >= 44 and box["width"] >= 44
        expect(page.locator(".sensor-card")).not_to_be_visible()
        line.tap()
        card = page.locator(".sensor-card")
        expect(card).to_contain_text(re.compile(r"Readings\s*\d+(\.\d)? a second"))
        expect(card).to_contain_text(re.compile(r"Cost of sampling\s*\d+\.\d.% of a core"))
        expect(card).to_contain_text("These figures come from a simulation")
        keep_screenshot(page, f"sensor-{width}x{height}")
        fits(page)


def test_the_line_opens_and_closes_by_keyboard(browser: Browser, race: Show) -> None:
    with viewer(browser, race.url) as page:
        line, card = page.locator("#sensor summary"), page.locator(".sensor-card")
        expect(line).to_be_visible()
        line.focus()
        page.keyboard.press("Enter")
        expect(card).to_be_visible()
        page.keyboard.press("Escape")
        expect(card).not_to_be_visible()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_what_is_wrong_is_said_in_words(browser: Browser, race: Show, width: int, height: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.route_web_socket(re.compile("/ws"), spoil)
    page.goto(race.url)
    wait_for_turns_of_both(page)
    line = page.locator("#sensor summary")
    told = "The energy counter and the one-second average do not add up to the same joules"
    # The sensor's figures come once a second, its words by a request.
    expect(line).to_contain_text(told, timeout=20_000)
    expect(line.locator(".sensor-sign")).to_have_text("!")
    expect(page.locator("#panels .reasons").first).to_contain_text("in step with the power sensor")
    expect(page.locator("body")).not_to_contain_text("counter_average")
    keep_screenshot(page, f"sensor-wrong-{width}x{height}-{scheme}")
    fits(page)
    context.close()
