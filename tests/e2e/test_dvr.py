"""Looking back on one screen while the race goes on for all others; and the recording that takes over."""

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from integration.processes import wait_until
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import Show, keep_screenshot, viewer

pytestmark = pytest.mark.browser

READING = re.compile(r"(?:([AB]) )?([\d.]+) W at (?:(\d+):)?(\d+):([\d.]+)")


def pages(url: str, **query: int) -> dict[str, Any]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    with urllib.request.urlopen(f"{url}api/run/pages?{asked}") as answer:
        return dict(json.load(answer))


def position(page: Page) -> int:
    """How far the run is, in seconds, as the bar says, which a hand on the mouse keeps on the screen."""
    page.mouse.move(500, 400)
    page.mouse.move(500, 401)
    return int(page.locator(".dvr-run").get_attribute("aria-valuemax") or 0)


def places(page: Page) -> tuple[str, ...]:
    """Where in time the line has its points. How tall the chart is may change with the words around it."""
    path = page.locator(".trace-other").first.get_attribute("d") or ""
    return tuple(re.findall(r"[ML]([\d.-]+)", path))


def standing(page: Page) -> tuple[str, ...]:
    """The picture, once what the server knows of this time has come and is drawn."""
    seen: list[tuple[str, ...]] = [()]

    def same() -> bool:
        seen.append(places(page))
        page.wait_for_timeout(500)
        return len(seen) > 4 and len(set(seen[-4:])) == 1 and seen[-1] != ()

    wait_until(same, what="the held charts stand still")
    return seen[-1]


@pytest.fixture
def page(browser: Browser, race: Show) -> Iterator[Page]:
    with viewer(browser, race.url) as found:
        # Long enough that there is something to look back at.
        wait_until(lambda: position(found) >= 12, seconds=60, what="the race has run for 12 seconds")
        yield found


def test_one_screen_is_held_while_the_others_go_on(browser: Browser, race: Show, page: Page) -> None:
    with viewer(browser, race.url) as other:
        page.keyboard.press(" ")
        words = page.locator(".dvr-words")
        expect(words).to_contain_text("behind live")
        expect(words).to_contain_text("figures are live")
        held = standing(page)
        behind = words.inner_text()
        before = position(other)
        wait_until(lambda: position(other) > before + 2, what="the other screen goes on")
        assert other.locator("body").get_attribute("data-look") == "live"
        wait_until(lambda: words.inner_text() != behind, what="it says how far behind it is by now")
        assert places(page) == held, "the held charts stand still"
        assert "LIVE" in page.locator("#badges").inner_text() or "SIMULATED" in page.locator("#badges").inner_text()
        page.keyboard.press("End")
        expect(page.locator("body")).to_have_attribute("data-look", "live")
        expect(words).to_have_text("")


def test_what_is_hovered_at_is_what_was_measured(race: Show, page: Page) -> None:
    page.get_by_label("Hold the charts").click()
    page.get_by_label("Show less time").click()
    page.keyboard.press("ArrowLeft")
    chart = page.locator(".chart").last
    box = chart.bounding_box()
    assert box is not None
    reading = page.locator(".dvr-reading")
    page.wait_for_timeout(0)
    for share in (0.4, 0.6, 0.8):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)

        def measured() -> bool:
            found = READING.match(reading.inner_text()) if reading.is_visible() else None
            if found is None:
                return False
            label, watts, hours, minutes, seconds = found.groups()
            t_s = int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
            power = pages(race.url, **{"from": round((t_s - 1) * 1e9), "to": round((t_s + 1) * 1e9), "points": 2000})
            at = min(range(len(power["t_ns"])), key=lambda row: abs(power["t_ns"][row] / 1e9 - t_s))
            return bool(abs(power["mean"][at] - float(watts)) < 0.051 and power["arm"][at] == label)

        wait_until(measured, what="the reading is the server's own")
    keep_screenshot(page, "dvr")


def test_who_comes_late_can_look_at_the_beginning(page: Page) -> None:
    slider = page.get_by_role("slider")
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.get_by_label("Show less time").click()
    page.keyboard.press("Home")
    expect(page.locator(".dvr-words")).to_contain_text("Charts show 0:00–")
    assert (slider.get_attribute("aria-valuetext") or "").startswith("0:00 to 0:")
    expect(page.locator(".chart .trace-other").first).to_have_attribute("d", re.compile("^M"))
    box = page.locator(".chart").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    before = slider.get_attribute("aria-valuetext")
    page.mouse.wheel(0, -400)
    wait_until(lambda: slider.get_attribute("aria-valuetext") != before, what="the wheel has zoomed")
    page.get_by_label("Back to what is newest").click()
    expect(page.locator("body")).to_have_attribute("data-look", "live")


def test_the_bar_hides_on_the_projector_and_covers_no_control(page: Page) -> None:
    bar = page.locator(".dvr-bar")
    expect(bar).to_be_visible()
    found = page.evaluate(MEASURED)
    assert found["bottom"] <= found["controls"]
    assert len(found["buttons"]) >= 4 and all(min(box) >= 44 for box in found["buttons"])
    page.mouse.move(2, 2)
    expect(bar).to_be_hidden(timeout=15_000)


def test_on_a_phone_a_tap_reads_and_buttons_look_back(browser: Browser, race: Show) -> None:
    options: dict[str, Any] = {"has_touch": True, "is_mobile": True}
    with viewer(browser, f"{race.url}view", width=390, height=844, **options) as phone:
        expect(phone.locator(".dvr-bar")).to_be_visible()
        wait_until(lambda: phone.locator(".chart-other").first.get_attribute("d"), what="there is a line to tap at")
        box = phone.locator(".chart").first.bounding_box()
        assert box is not None
        phone.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
        expect(phone.locator(".dvr-reading")).to_contain_text(re.compile(r"\d W at \d+:\d\d"))
        phone.get_by_label("Hold the charts").tap()
        expect(phone.locator(".dvr-words")).to_contain_text("Charts show")
        for name in ("Show less time", "Show more time", "Back to what is newest"):
            box = phone.get_by_label(name).bounding_box()
            assert box is not None and box["width"] >= 44 and box["height"] >= 44
        wide = phone.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, "nothing sticks out to the side"
        keep_screenshot(phone, "dvr-phone")
        phone.get_by_label("Back to what is newest").tap()
        expect(phone.locator("body")).to_have_attribute("data-look", "live")


def test_the_recording_takes_over_under_its_badge_and_a_dead_server_is_no_live_picture(
    browser: Browser, tmp_path: Path, demo_file: Path, recorded: Path
) -> None:
    reserve = tmp_path / "data" / "wattrace" / "fallback" / "short.jsonl"
    reserve.parent.mkdir(parents=True)
    shutil.copy(recorded, reserve)
    show = Show(tmp_path, "demo", str(demo_file), "--autostart")
    ended = False
    try:
        with viewer(browser, show.login_url) as page:
            badges = page.locator("#badges")
            expect(badges).to_contain_text("SIMULATED", timeout=30_000)
            expect(page.locator(".panel[data-state=active]")).to_be_visible(timeout=30_000)
            expect(badges).not_to_contain_text("REPLAY")
            status = page.evaluate(SWITCH, {"to": "replay"})
            assert status == 200
            expect(badges).to_contain_text("REPLAY")
            expect(badges).to_contain_text("SIMULATED")
            page.mouse.move(500, 500)
            page.get_by_label("Everyone: hold the replay").click()
            expect(badges).to_contain_text("REPLAY, paused")
            detail = page.locator(".phase-detail")
            expect(detail).to_contain_text(re.compile("turn [123] of 4"))
            turn = int(detail.inner_text().split()[1])  # a slow machine holds it late
            page.get_by_label("Everyone: to the next turn").click()
            expect(detail).to_contain_text(f"turn {turn + 1} of 4")
            page.get_by_label("Everyone: a turn back").click()
            expect(detail).to_contain_text(f"turn {turn} of 4")
            keep_screenshot(page, "fallback")
            assert page.evaluate(SWITCH, {"to": "live"}) == 200
            expect(badges).not_to_contain_text("REPLAY")
            expect(page.locator(".phase-detail")).to_contain_text("of 40")
            expect(page.locator(".hero-digits").first).not_to_have_text("—")
            show.end()
            ended = True
            expect(badges).to_contain_text(re.compile("OFFLINE|STALE"))
            assert page.locator(".hero-digits").first.inner_text() != "—", "the last picture stays"
    except AssertionError as error:
        if "ERR_CONNECTION_REFUSED" not in str(error):  # the console tells of the dead server, too
            raise
    finally:
        if not ended:
            show.end()


SWITCH = """async (content) => (await fetch('/api/show/fallback', {
  method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(content),
})).status"""

MEASURED = """() => ({
  bottom: document.querySelector('.dvr-bar').getBoundingClientRect().bottom,
  controls: document.querySelector('.bottom').getBoundingClientRect().top,
  buttons: [...document.querySelectorAll('.dvr button')].map((node) => node.getBoundingClientRect())
    .filter(({ width }) => width > 0).map(({ width, height }) => [width, height]),
})"""
