"""What is drawn of what a frame says: steady state, ribbon, one scale for all, an interval that narrows."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.hall import JOIN, LOAD, show
from e2e.staged import NS, decided, drawn, frame, hello, staged
from engine.validity import Reason

pytestmark = pytest.mark.browser

BOX = "(node) => ((box) => [box.left, box.right, box.top, box.bottom])(node.getBoundingClientRect())"
WATTS = """(charts) => charts.map((chart) => [...chart.querySelectorAll('.axes-own text')]
  .map((text) => text.textContent).filter((text) => /^\\d+( W)?$/.test(text)).join(' '))"""
SQUARES = re.compile(r"M([\d.]+) [\d.]+H([\d.]+)")


def box(page: Page, selector: str) -> list[float]:
    found: list[float] = page.locator(selector).first.evaluate(BOX)
    return found


def test_the_steady_state_is_shaded_where_it_was(browser: Browser) -> None:
    with staged(browser) as (page, stage):
        stage.send(frame(run=stage.first["run"]["id"]))
        drawn(page)
        expect(page.locator("#panels .trace-band").first).to_be_visible()
        plot, band = box(page, "#panels .axes-grid"), box(page, "#panels .trace-band")
        shares = [(edge - plot[0]) / (plot[1] - plot[0]) for edge in band[:2]]
        # It began at 56 s and goes on; the right edge is now, 61 s and what has gone by since; the left is 30 s before.
        assert 0.6 < shares[0] < 0.84 and shares[0] + 0.1 < shares[1] <= 1.01
        assert band[3] - band[2] > 40


def test_the_ribbon_is_drawn_where_the_sensor_resolves_it_and_else_not(browser: Browser) -> None:
    reads = [[round((56 + at) * NS), round((56.4 + at) * NS)] for at in range(4)]
    first = hello()
    first["frame"]["arms"]["A"]["prefill"] = reads
    with staged(browser, first=first) as (page, stage):
        resolved = frame(run=first["run"]["id"])
        resolved["arms"]["A"]["prefill"] = reads
        stage.send(resolved)
        drawn(page)
        ribbons = page.locator("#panels .trace-prefill")
        squares = SQUARES.findall(ribbons.first.get_attribute("d") or "")
        assert len(squares) == len(reads)
        wide = [float(end) - float(begin) for begin, end in squares]
        assert max(wide) - min(wide) < 0.5 and wide[0] > 3, "all were as long"
        expect(page.locator("#panels .trace-prefill-name").first).to_be_visible()
        foot, line = box(page, "#panels .trace-prefill"), box(page, "#panels .trace-own")
        assert foot[2] > line[3], "under the line"
        assert ribbons.nth(1).get_attribute("d") in {None, ""}
        expect(page.locator("#panels .trace-prefill-name").nth(1)).to_be_hidden()
    with staged(browser) as (page, stage):
        stage.send(frame(run=stage.first["run"]["id"]))
        drawn(page)
        assert page.locator("#panels .trace-own").first.get_attribute("d")
        assert page.locator("#panels .trace-prefill").first.get_attribute("d") in {None, ""}


@pytest.mark.parametrize("arms", [2, 4, 6])
def test_all_charts_have_one_scale(browser: Browser, arms: int) -> None:
    with staged(browser, first=hello(arms)) as (page, _):
        drawn(page)
        labels = page.locator("#panels .chart").evaluate_all(WATTS)
        assert len(labels) == arms and len(set(labels)) == 1 and "300 W" in labels[0]
        tall = page.locator("#panels .axes-own").evaluate_all(
            "(all) => all.map((one) => one.getBoundingClientRect().height)"
        )
        assert max(tall) - min(tall) < 1.5


def test_the_interval_is_seen_to_narrow(browser: Browser) -> None:
    with staged(browser, first=hello(verdict=verdict(2, 0.08, 0.32))) as (page, stage):
        expect(page.locator(".interval-now")).to_be_visible()  # what was never drawn leaves nothing behind
        for rounds, low, high in [(3, 0.11, 0.24), (4, 0.14, 0.18)]:
            stage.send(frame(run=stage.first["run"]["id"], verdict=verdict(rounds, low, high)))
            expect(page.locator(".interval-past:visible")).to_have_count(rounds - 2)
        now, last, first = (
            box(page, ".interval-now"),
            *(page.locator(".interval-past").nth(n).evaluate(BOX) for n in (0, 1)),
        )
        assert now[0] > last[0] > first[0] and now[1] < last[1] < first[1], "each lies in the one before"
        same = box(page, ".interval-same")
        assert first[1] < same[0], "all of it is less"
        stage.send(frame(run=stage.first["run"]["id"], verdict=verdict(2, 0.08, 0.32)))
        expect(page.locator(".interval-past:visible")).to_have_count(0)


@pytest.mark.parametrize("arms", [1, 2, 3, 6])
def test_every_portion_of_the_words_has_its_turn(browser: Browser, arms: int) -> None:
    """A frame changes every panel's figures, and what stands above and below them, within two rounds of portions."""
    with staged(browser, first=hello(arms, 3)) as (page, stage):
        expect(page.locator("#panels .hero-digits").last).to_have_text(re.compile(r"\d{3}"))
        page.wait_for_timeout(1000)  # what the page asks for after its first picture has all words drawn at once
        other = frame(arms, 2, run=stage.first["run"]["id"], temperature_celsius=61.0)
        other["schedule"]["round"] = 7
        stage.send(other)
        panels = page.locator("#panels .hero-digits")
        for panel in range(arms):
            expect(panels.nth(panel)).to_have_text(re.compile(r"^\d\d(\.\d)?$"), timeout=1000)
        expect(page.locator("#device")).to_contain_text("61", timeout=1000)
        expect(page.locator(".phase-detail")).to_contain_text("7", timeout=1000)


def test_what_the_presenter_sets_is_on_screen_at_once(browser: Browser) -> None:
    """All words of one picture, so that none waits for its portion."""
    with staged(browser, first=hello(2, 3)) as (page, stage):
        drawn(page)
        stage.send(frame(2, 3, run=stage.first["run"]["id"], show=show(verdict_hidden=True)))
        drawn(page)
        assert page.locator("#panels .hero-digits").all_inner_texts() == ["?", "?"]


def verdict(rounds: int, low: float, high: float) -> dict[str, object]:
    return {**decided(), "rounds": rounds, "low": low, "high": high, "ratio": (low * high) ** 0.5}


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768)])
def test_a_long_warning_beside_the_cards_leaves_the_charts_their_room(
    browser: Browser, width: int, height: int
) -> None:
    first = hello(show=show(join=JOIN, load=LOAD))
    first["frame"]["arms"]["B"]["reasons"] = ["simulated", Reason.CROWD_LOAD]
    about = {"weight": Reason.CROWD_LOAD.weight, "sentence": Reason.CROWD_LOAD.sentence, "remedy": ""}
    with staged(browser, first=first, viewport={"width": width, "height": height}) as (page, _):
        page.route("**/api/reasons", lambda route: route.fulfill(json={Reason.CROWD_LOAD: about}))
        warning = page.locator("#panels .reasons").nth(1)
        expect(warning).to_have_attribute("title", re.compile("Questions of the audience"))
        drawn(page)
        assert page.locator(".chart").evaluate_all("(all) => all.map((each) => each.dataset.small)") == ["false"] * 2
        top, bottom = box(page, "#panels .reasons:not([hidden])")[2:]
        size = float(warning.evaluate("(node) => parseFloat(getComputedStyle(node).fontSize)"))
        assert bottom - top < 2.5 * size, "two lines; the rest is in the tooltip"


def test_a_chart_without_room_shows_nothing_of_itself(browser: Browser) -> None:
    with staged(browser) as (page, stage):
        stage.send(frame(run=stage.first["run"]["id"]))
        expect(page.locator(".trace-marker").first).to_be_visible()
        page.evaluate("document.querySelectorAll('.chart').forEach((each) => { each.style.maxHeight = '20px'; })")
        expect(page.locator(".chart[data-small=true]")).to_have_count(2)
        for part in (".trace-marker", ".trace-band-name", ".axes-own text"):
            expect(page.locator(part).first).to_be_hidden()
