"""No text is cut off, overlaps other text or hangs out of its box: measured in the browser, in every state there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import keep_screenshot
from e2e.hall import CLOSED, JOIN, LOAD, OPEN, REVEALED, show
from e2e.staged import STATIC, Stage, drawn, hello, idle, staged

pytestmark = pytest.mark.browser

BOXES = Path(__file__).with_name("boxes.js").read_text()
SIZES = [(1920, 1080), (1366, 768), (820, 1180), (390, 844), (320, 640)]
everywhere = pytest.mark.parametrize(("width", "height"), SIZES)
WIDTHS = [width for width, _ in SIZES]
SCHEMES: tuple[Literal["dark"], Literal["light"]] = ("dark", "light")
WHY = "arm B ended by itself with status 1: CUDA out of memory. Tried to allocate 2.50 GiB, of which 1.2 GiB are free"
CARDS = {
    "the way in": {"join": JOIN},
    "an open bet": {"join": JOIN, "bet": OPEN},
    "a closed bet": {"join": JOIN, "bet": CLOSED},
    "a bet that is told": {"join": JOIN, "bet": REVEALED},
    "a bet without an answer": {"bet": {**REVEALED, "answer": None, "low": None, "high": None, "why": "not measured"}},
    "the hall's questions": {"join": JOIN, "load": LOAD},
    "all at once, open": {"join": JOIN, "bet": OPEN, "load": LOAD},
    "all at once, closed": {"join": JOIN, "bet": CLOSED, "load": LOAD},
    "all at once, told": {"join": JOIN, "bet": REVEALED, "load": LOAD},
}


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[tuple[Page, Stage]]:
    """One page for all states: a new `hello` brings it from one to the next. The page's own axes are quicker drawn."""
    with staged(browser) as (page, stage):
        yield page, stage


def misplaced(page: Page, stage: Stage, message: dict[str, Any]) -> list[str]:
    """What is wrong when `message` is shown."""
    stage.send(message)
    drawn(page)
    found: list[str] = page.evaluate(BOXES)
    return found


def misplaced_in(page: Page, stage: Stage, messages: dict[str, dict[str, Any]], name: str) -> dict[str, list[str]]:
    """What is wrong in which of many states; a picture of each of those is kept.

    The themes differ in colours alone, so half of the states are shown in either: at the next size the other half.
    """
    found = {}
    width = (page.viewport_size or {"width": 0})["width"]
    for turn, scheme in enumerate(SCHEMES):
        page.emulate_media(color_scheme=scheme)
        for state, message in list(messages.items())[(turn + WIDTHS.index(width)) % 2 :: 2]:
            if wrong := misplaced(page, stage, message):
                found[f"{state}, {scheme}"] = wrong
                keep_screenshot(page, f"{name}-{state.replace(' ', '-')}-{scheme}")
    return found


def test_themes_differ_in_colours_alone() -> None:
    """So that a state which fits in one theme does in the other: `light-dark()` takes nothing but colours."""
    for sheet in STATIC.glob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert "prefers-color-scheme" not in text, sheet
        rules = re.findall(r"data-theme[^{]*\{([^}]*)\}", text)
        assert all(re.fullmatch(r"\s*color-scheme: (dark|light);\s*", rule) for rule in rules), (sheet, rules)


def test_no_rule_looks_at_the_whole_page_for_a_word() -> None:
    """One `:has()` with an `:empty` in it made the browser's work on every changed word twice as much."""
    for sheet in STATIC.glob("**/*.css"):
        assert not re.search(r":has\([^{]*:empty", sheet.read_text(encoding="utf-8")), sheet


def test_nothing_glides() -> None:
    """Whatever glides has the browser lay out and paint sixty times a second, beside the charts' thirty."""
    for sheet in STATIC.glob("**/*.css"):
        assert not re.search(r"\b(transition|animation)\b", sheet.read_text(encoding="utf-8")), sheet


@everywhere
def test_one_to_six_arms_with_one_to_six_digits(stage: tuple[Page, Stage], width: int, height: int) -> None:
    page, far = stage
    page.set_viewport_size({"width": width, "height": height})
    states = {f"{arms} arms {digits} digits": hello(arms, digits) for arms in range(1, 7) for digits in range(1, 7)}
    assert misplaced_in(page, far, states, f"layout-{width}") == {}


@everywhere
def test_plotly_s_axes(browser: Browser, width: int, height: int) -> None:
    with staged(browser, plotly=True, viewport={"width": width, "height": height}) as (page, stage):
        expect(page.locator("#panels .main-svg").first).to_be_attached(timeout=30_000)  # the library is large
        for arms in (1, 2, 6):
            assert misplaced(page, stage, hello(arms, 4)) == []


@everywhere
@pytest.mark.parametrize("arms", [2, 3, 6])
def test_whatever_the_presenter_shows_the_hall(stage: tuple[Page, Stage], width: int, height: int, arms: int) -> None:
    page, far = stage
    page.set_viewport_size({"width": width, "height": height})
    states = {f"{arms} {name} while racing": hello(arms, 4, show=show(**parts)) for name, parts in CARDS.items()}
    states |= {f"{arms} {name} before": idle(arms, show=show(**parts)) for name, parts in CARDS.items()}
    assert misplaced_in(page, far, states, f"cards-{width}") == {}


@everywhere
@pytest.mark.parametrize("arms", [2, 6])
@pytest.mark.parametrize("parts", [{"verdict_hidden": True}, {"swapped": True}, {"frozen": True}])
def test_what_the_presenter_sets_and_what_the_race_is_at(
    stage: tuple[Page, Stage], width: int, height: int, arms: int, parts: dict[str, bool]
) -> None:
    page, far = stage
    page.set_viewport_size({"width": width, "height": height})
    states = {
        f"{arms} {state} {[*parts]}": hello(arms, 4, state=state, show=show(**parts), reason=WHY)
        for state in ("cooling", "done", "failed")
    }
    states[f"{arms} idle {[*parts]}"] = idle(arms, show=show(**parts))
    assert misplaced_in(page, far, states, f"states-{width}") == {}


@everywhere
@pytest.mark.parametrize("arms", [1, 2, 3, 4, 6])
def test_what_is_wrong_with_an_arm(stage: tuple[Page, Stage], width: int, height: int, arms: int) -> None:
    page, far = stage
    page.set_viewport_size({"width": width, "height": height})
    failed, doubtful, blind = hello(arms, 4), hello(arms, 4), hello(arms, 4)
    failed["frame"]["arms"]["A"] |= {"state": "failed", "reason": WHY}
    doubtful["frame"]["arms"]["A"]["reasons"] = ["crowd_load", "foreign_process"]
    blind["run"]["power_source"] = None
    states = {f"{arms} failed": failed, f"{arms} doubtful": doubtful, f"{arms} no sensor": blind}
    assert misplaced_in(page, far, states, f"trouble-{width}") == {}


@everywhere
def test_what_anybody_opens(stage: tuple[Page, Stage], width: int, height: int) -> None:
    """The figures of the sensor, the figures as a table, and the bar to look back with."""
    page, far = stage
    page.set_viewport_size({"width": width, "height": height})
    far.send(hello(6, 4))
    drawn(page)
    for opener in (page.locator("#sensor summary"), page.get_by_role("button", name="Figures as a table")):
        opener.click()
        drawn(page)
        # What is opened lies over the rest: only its own texts count.
        assert [wrong for wrong in page.evaluate(BOXES) if not wrong.startswith("on each other")] == []
        opener.click()
