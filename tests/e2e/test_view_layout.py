"""The viewer page: no text is cut off, overlaps or overflows, on phones and tablets, whatever is on them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.hall import BET, CLOSED, LOAD, OPEN, REVEALED, show
from e2e.staged import ORIGIN, Stage, hello, staged
from e2e.test_layout import SIZES, misplaced_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[tuple[Page, Stage]]:
    """One page for all states."""
    with staged(browser, "/view") as (page, stage):
        yield page, stage


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_one_to_six_arms_with_one_to_six_digits(stage: tuple[Page, Stage], width: int, height: int) -> None:
    page, far = stage
    page.set_viewport_size({"width": width, "height": height})
    states = {
        f"{arms} arms {digits} digits": hello(arms, digits)
        for arms in range(1, 7)
        for digits in (range(1, 7) if arms == 2 else (1, 6))
    }
    assert misplaced_in(page, far, states, f"view-{width}") == {}


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_whatever_the_presenter_has_turned_on(stage: tuple[Page, Stage], width: int, height: int) -> None:
    page, far = stage
    page.set_viewport_size({"width": width, "height": height})
    shows = [
        show(bet=OPEN, load=LOAD),
        show(bet=CLOSED, load={**LOAD, "open": False, "prompts": []}),
        show(bet=REVEALED),
        show(bet={**BET, "state": "revealed", "why": "not measured: the energy of these arms is not known"}),
        show(verdict_hidden=True, swapped=True),
    ]
    states = {
        f"{state} {number}": hello(2, 4, state=state, show=on, reason="arm B ended by itself with status 1")
        for state in ("idle", "racing", "done", "failed")
        for number, on in enumerate(shows)
    }
    assert misplaced_in(page, far, states, f"view-on-{width}") == {}


def test_a_hidden_verdict_is_told_by_nothing_on_the_page(stage: tuple[Page, Stage]) -> None:
    page, far = stage
    far.send(hello(2, 3, show=show(verdict_hidden=True)))
    page.locator("#verdict[data-tone=teaser]").wait_for()
    assert page.locator(".arm-digits").all_inner_texts() == ["?", "?"]
    assert "84" not in page.locator("#verdict").inner_text()
    speeds = page.locator(".arm-metrics").first.inner_text().split()
    assert speeds[:4] == ["673", "W", "673", "tok/s"], "as on the projector"
    far.send(hello(2, 3, show=show(verdict_hidden=True, bet=OPEN)))
    expect(page.locator("#bet")).to_contain_text("lifts an apple"), "and not what one arm takes"
    blind = hello(2, 3, show=show(verdict_hidden=True))
    blind["run"]["power_source"] = None
    far.send(blind)
    expect(page.locator(".arm-trouble").first).to_contain_text("speed only")
    assert "tok/s" not in page.locator(".arm-metrics").first.inner_text(), "there speed is the verdict"


def test_the_page_is_small_and_draws_its_own_chart(browser: Browser) -> None:
    asked: list[str] = []
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page, far = context.new_page(), Stage()
    page.route(f"{ORIGIN}/**", far.file)
    page.route_web_socket("**/ws*", far.connect)
    page.on("request", lambda request: asked.append(request.url.removeprefix(ORIGIN)))
    page.goto(f"{ORIGIN}/view")
    page.locator(".chart-own[d^=M]").first.wait_for(state="attached")
    context.close()
    assert not [path for path in asked if "plotly" in path]
