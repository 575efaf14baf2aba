"""What the projector does with what it is told: a picture is held, sides change, a verdict waits, hidden tabs skip."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import keep_screenshot
from e2e.hall import LOAD, OPEN
from e2e.staged import NS, Stage, drawn, frame, hello, staged
from server.show import Show

pytestmark = pytest.mark.browser

# A hidden tab gets no animation frames; messages still come.
HIDEABLE = """
const ask = window.requestAnimationFrame.bind(window);
const waiting = [];
window.seen = true;
window.requestAnimationFrame = (callback) => (window.seen ? ask(callback) : waiting.push(callback));
window.show = () => { window.seen = true; waiting.splice(0).forEach((callback) => ask(callback)); };
"""

# All words of the page, and those that are said of its parts.
SAID = """() => document.body.textContent + [...document.querySelectorAll('[title], [aria-label]')]
  .map((node) => `${node.title} ${node.ariaLabel}`).join()"""


def settings(**keys: object) -> dict[str, object]:
    return {**Show().payload(), **keys}


def race_on(page: Page, stage: Stage, seconds: float, **keys: object) -> None:
    """Frames of that much of the race, twenty a second, as fast as they can be sent; each has its own temperature."""
    run = stage.first["run"]["id"]
    for step in range(round(seconds * 20)):
        t_ns = round((61 + step / 20) * NS)
        power = {"t_ns": [t_ns], "mean": [200.0], "min": [190.0], "max": [210.0], "arm": ["A"]}
        stage.send(frame(run=run, t_s=t_ns / NS, power=power, temperature_celsius=40 + step, **keys))
    page.wait_for_timeout(200)


def test_a_frozen_picture_stays_until_it_is_let_go(browser: Browser) -> None:
    with staged(browser) as (page, stage):
        race_on(page, stage, 1)
        expect(page.locator("#device")).to_contain_text("59 °C")
        race_on(page, stage, 0.05, show=settings(frozen=True))
        expect(page.locator("#badges")).to_contain_text("FROZEN")
        expect(page.locator("#badges")).to_contain_text("SIMULATED")
        trace = page.locator("#panels .trace-own").first
        drawn(page)
        held = trace.get_attribute("d")
        race_on(page, stage, 2)
        expect(page.locator("#device")).to_contain_text("40 °C")
        assert trace.get_attribute("d") == held
        race_on(page, stage, 0.05, show=settings())
        expect(page.locator("#badges")).not_to_contain_text("FROZEN")
        expect(page.locator("#age")).not_to_contain_text("held")


def test_what_the_presenter_sets_is_done_on_a_frozen_picture_too(browser: Browser) -> None:
    with staged(browser) as (page, stage):
        race_on(page, stage, 0.05, show=settings(frozen=True))
        expect(page.locator("#verdict")).to_contain_text("uses 84 % less energy per token")
        race_on(page, stage, 1, show=settings(frozen=True, verdict_hidden=True, swapped=True))
        expect(page.locator("#badges")).to_contain_text("FROZEN")
        expect(page.locator("#verdict")).to_contain_text("the presenter will reveal it")
        assert "84 %" not in page.evaluate(SAID)
        expect(page.locator("#panels .panel-name").first).to_have_text("batch 8")
        expect(page.locator("#device")).to_contain_text("40 °C")
        race_on(page, stage, 0.05, show=settings(frozen=True, load=crowd()))
        expect(page.locator(".crowdboard")).to_contain_text("7 sent")


def crowd() -> dict[str, object]:
    return {"open": True, "prompts": ["Why?"], "sent": 7, "running": 2, "waiting": 1, "most": 3, "answered": 4}


def test_a_page_that_is_opened_while_the_picture_is_held_shows_what_the_hall_sees(browser: Browser) -> None:
    with staged(browser) as (page, stage):
        stage.held = hello(show=settings(frozen=True), temperature_celsius=51)
        stage.first = hello(show=settings(frozen=True, verdict_hidden=True), t_s=91, temperature_celsius=77)
        stage.first["t_ns"] = 91 * NS
        page.reload()
        expect(page.locator("#device")).to_contain_text("51 °C")
        expect(page.locator("#age")).to_contain_text(re.compile("held 3[0-9] s"))
        expect(page.locator("#panels .trace-own").first).to_have_attribute("d", re.compile("M"))
        expect(page.locator("#verdict")).to_contain_text("the presenter will reveal it")
        race_on(page, stage, 0.05, show=settings())
        expect(page.locator("#device")).to_contain_text("40 °C")


WHY = "the sampler process was killed by SIGKILL"
RESERVE = {
    "on": False, "available": True, "automatic": False, "file": "short.jsonl",
    "recorded_utc": "2026-11-21T09:30:12.120000Z", "simulated": True, "why": WHY, "live": "racing",
}  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/view", "/present"])
def test_what_is_wrong_with_the_race_is_said_on_every_page(browser: Browser, path: str) -> None:
    notice = "#trouble" if path == "/present" else "#notice"
    with staged(browser, path, viewport={"width": 390, "height": 844}) as (page, stage):
        expect(page.locator("#badges")).to_contain_text("SIMULATED")
        expect(page.locator(notice)).to_be_hidden()
        race_on(page, stage, 0.05, show=settings(fallback=RESERVE))
        expect(page.locator(notice)).to_contain_text(WHY.replace("the", "The", 1))
        expect(page.locator(notice)).to_have_attribute("role", re.compile("alert|status"))
        race_on(page, stage, 0.05, show=settings(fallback={**RESERVE, "on": True}))
        if path == "/present":
            expect(page.locator(notice)).to_contain_text("The recording is on the screens")
        else:
            expect(page.locator(notice)).to_be_hidden()
        race_on(page, stage, 0.05, show=settings(fallback={**RESERVE, "why": ""}))
        expect(page.locator(notice)).to_be_hidden()


def test_sides_are_swapped_with_all_that_belongs_to_them(browser: Browser) -> None:
    with staged(browser) as (page, stage):
        expect(page.locator("#panels .panel-name").first).to_have_text("batch 1")
        stage.send(hello(show=settings(swapped=True)))
        expect(page.locator("#panels .panel-name").first).to_have_text("batch 8")
        expect(page.locator("#panels .panel").first).to_have_attribute("data-slot", "1")
        expect(page.locator("#race .race-lane").first).to_contain_text("B")
        expect(page.locator("#panels .hero-digits").first).to_have_text("586")


def test_a_hidden_verdict_is_given_away_by_nothing(browser: Browser) -> None:
    with staged(browser, first=hello(show=settings(verdict_hidden=True))) as (page, stage):
        expect(page.locator("#verdict")).to_contain_text("the presenter will reveal it")
        drawn(page)
        text = page.evaluate(SAID)
        for secret in ("84 %", "83.9", "673 mJ", "586", "8.31", "phone charge"):
            assert secret not in text
        stage.send(hello())
        expect(page.locator("#verdict")).to_contain_text("uses 84 % less energy per token")
        expect(page.locator("#race")).to_contain_text(re.compile(r"8\.31.kJ"))
        expect(page.locator("#panels")).to_contain_text("≈ 1.6 phone charges")


def test_a_hidden_tab_skips_what_it_has_not_shown(browser: Browser) -> None:
    with staged(browser, script=HIDEABLE) as (page, stage):
        race_on(page, stage, 0.5)
        page.evaluate("window.seen = false")
        page.wait_for_timeout(100)
        before = page.evaluate("window.wattrace.framesDrawn")
        race_on(page, stage, 5)
        assert page.evaluate("window.wattrace.framesDrawn") == before, "nothing is drawn that nobody sees"
        page.evaluate("window.show()")
        expect(page.locator("#device")).to_contain_text("139 °C", timeout=1000)
        after = page.evaluate("window.wattrace.framesDrawn - " + str(before))
        assert after < 60, "what was missed is not played"


def test_the_table_says_what_the_panels_show(browser: Browser) -> None:
    with staged(browser) as (page, _):
        table = page.get_by_role("table", name="Live figures")
        expect(table.locator("tbody tr").nth(1)).to_contain_text("B: batch 8")
        expect(table.locator("tbody tr").nth(1)).to_contain_text("586 mJ per token")
        page.get_by_role("button", name="Figures as a table").click()
        expect(table).to_be_visible()
        page.get_by_role("button", name="Figures as a table").click()
        expect(page.locator("#figurebox")).to_have_class(re.compile("unseen"))


@pytest.mark.parametrize("path", ["/", "/view"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 640), (820, 1180)])
def test_every_target_is_as_large_as_a_finger(browser: Browser, path: str, width: int, height: int) -> None:
    """For a presenter's browser too, with the bet and the questions open, and while it plays a recording."""
    first = hello(show={**settings(), "bet": OPEN, "load": LOAD}, replay=True)
    first["run"]["replay"] = {"speed": 1, "duration_ns": 120 * NS}
    with staged(browser, path, first=first, control=True, viewport={"width": width, "height": height}) as (page, _):
        targets = page.locator("button:visible, summary:visible, a:visible, select:visible, [role=slider]:visible")
        expect(targets.first).to_be_visible()
        drawn(page)
        if path == "/":
            expect(page.get_by_role("link", name="Console")).to_be_visible()
        for target in [*targets.all(), *page.locator("label.bet-side:visible, input:not([type=radio]):visible").all()]:
            box = target.bounding_box()
            assert box is not None and box["height"] >= 44 and box["width"] >= 44, target.inner_text()


def test_every_chart_has_a_name(browser: Browser) -> None:
    with staged(browser) as (page, _):
        expect(page.get_by_role("img", name="Power while batch 1 (A) runs, over 30 seconds")).to_be_visible()


def test_a_presenters_keys_do_not_bring_the_bar_for_looking_back(browser: Browser) -> None:
    with staged(browser, control=True) as (page, stage):
        race_on(page, stage, 0.2)
        expect(page.locator("#control")).to_be_visible()
        bar = page.locator(".dvr")
        expect(bar).not_to_have_attribute("data-shown", "true", timeout=15_000)
        for key in ("v", "f", "r", "ArrowRight", "ArrowLeft"):
            page.keyboard.press(key)
        drawn(page)
        expect(bar).not_to_have_attribute("data-shown", "true")
        page.keyboard.press("Tab")
        expect(bar).to_have_attribute("data-shown", "true"), "who has no mouse reaches it all the same"


def test_the_first_press_of_r_twice_asks_on_the_page(browser: Browser) -> None:
    with staged(browser, control=True, first=hello(show=settings(fallback={**RESERVE, "why": "", "on": True}))) as (
        page,
        stage,
    ):
        race_on(page, stage, 0.2, show=settings(fallback={**RESERVE, "why": "", "on": True}))
        expect(page.locator("#control")).to_be_visible()
        page.keyboard.press("r")
        expect(page.locator("#control .notice")).to_have_text("Back to live? R again")
        keep_screenshot(page, "back-to-live")
        expect(page.locator("#control .notice")).to_be_hidden(timeout=10_000), "not for ever"


def test_the_table_lies_over_the_bar_for_looking_back_and_escape_closes_it(browser: Browser) -> None:
    with staged(browser) as (page, stage):
        race_on(page, stage, 0.2)
        opener = page.get_by_role("button", name="Figures as a table")
        opener.click()
        page.mouse.move(500, 400)
        expect(page.locator(".dvr")).to_have_attribute("data-shown", "true")
        drawn(page)
        table, bar = (page.locator(each).bounding_box() for each in ("#figurebox", ".dvr-bar"))
        assert table and bar and table["y"] < bar["y"] + bar["height"], "they share a place"
        at = (table["x"] + table["width"] / 2, bar["y"] + bar["height"] / 2)
        assert page.evaluate("([x, y]) => Boolean(document.elementFromPoint(x, y).closest('#figurebox'))", at)
        page.keyboard.press("Escape")
        expect(page.locator("#figurebox")).to_have_class(re.compile("unseen"))
        expect(opener).to_have_attribute("aria-expanded", "false")


def test_when_no_more_questions_are_taken_and_all_are_answered_their_card_goes(browser: Browser) -> None:
    with staged(browser, first=hello(show=settings(load={**LOAD, "running": 1}))) as (page, stage):
        card = page.locator(".crowdboard")
        expect(card).to_be_visible()
        race_on(page, stage, 0.1, show=settings(load={**LOAD, "open": False, "running": 1, "waiting": 0}))
        expect(card).to_be_visible(), "the last answer is on its way"
        race_on(page, stage, 0.1, show=settings(load={**LOAD, "open": False, "running": 0, "waiting": 0}))
        expect(card).to_be_hidden()
        expect(page.locator("#stagecard")).to_be_hidden()
