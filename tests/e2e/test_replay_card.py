"""The presenter plays the recording that is on the screens: from the console, as the bar on the projector does."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from e2e.staged import NS, Stage, hello, staged

pytestmark = pytest.mark.browser

SIZES = [(390, 844), (1920, 1080)]


def recording(**keys: Any) -> dict[str, Any]:
    """A `hello` of a recording of three minutes, one minute in."""
    first = hello(replay=True)
    first["run"]["replay"] = {"file": "race.jsonl", "speed": 1, "duration_ns": 180 * NS, **keys}
    return first


def asked(page: Page) -> list[dict[str, Any]]:
    """What the console asks of the recording, as it does."""
    found: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        found.append(json.loads(route.request.post_data or "null"))
        route.fulfill(json={})

    page.route("**/api/replay", take)
    return found


def change(stage: Stage, page: Page, **keys: Any) -> None:
    stage.send(recording(**keys))
    page.wait_for_timeout(100)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_order_of_a_replay_is_on_the_console(browser: Browser, width: int, height: int) -> None:
    with staged(browser, "/present", first=recording(), viewport={"width": width, "height": height}) as (page, stage):
        orders = asked(page)
        card = page.get_by_role("region", name="The recording on the screens")
        expect(card).to_contain_text("1:01 of 3:00")
        for name in ("A turn back", "To the next turn", "Begin again at the end", "Hold the recording"):
            card.get_by_role("button", name=name).click()
        for speed in ("0.5×", "20×"):
            card.get_by_role("button", name=re.compile(f"^{speed}")).click()
        slider = card.get_by_role("slider")
        slider.fill("90")
        expect(card).to_contain_text("1:30 of 3:00")
        assert orders == [
            {"step": "previous"}, {"step": "next"}, {"loop": True}, {"paused": True}, {"speed": 0.5}, {"speed": 20},
            {"seek_ns": 90 * NS},
        ]  # fmt: skip
        change(stage, page, paused=True, loop=True, speed=20)
        expect(card.get_by_role("button", name="Go on")).to_be_visible()
        expect(card.get_by_role("button", name="Begin again at the end")).to_have_attribute("aria-pressed", "true")
        expect(card.get_by_role("button", name=re.compile("^20×"))).to_have_attribute("aria-pressed", "true")
        for control in card.locator("button, input").all():
            box = control.bounding_box()
            assert box and box["height"] >= 44 and box["width"] >= 44


def test_a_race_has_no_such_card(browser: Browser) -> None:
    with staged(browser, "/present") as (page, _):
        expect(page.locator("#badges")).to_contain_text("SIMULATED")
        expect(page.locator("#replay")).to_be_hidden()
