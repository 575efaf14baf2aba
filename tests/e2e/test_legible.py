"""What the last row of a hall can read on a screen of 1920 x 1080: 40 pixels for what must be read, 24 for the rest."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import zxingcpp
from integration.processes import wait_until
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import keep_screenshot
from e2e.hall import CLOSED, JOIN, LOAD, OPEN, REVEALED, show
from e2e.staged import Stage, drawn, hello, idle, staged

pytestmark = pytest.mark.browser

MUST_BE_READ = (
    "#title, .badge, .verdict-text, .race-text, .letter, .panel-name, .hero-digits, .hero-unit b, .metric b, "
    ".phase-name, .turn, .countdown, .join-short, .bet-question, .bet-answer, .bet-closest li, .crowd-running"
)
# What only the presenter needs, who stands beside the screen, and what few rooms will ask about.
BESIDE_THE_SCREEN = ".foot, .control, .dvr"
SIZES = """([selector, besides]) => {
  const sizes = new Map();
  const pixels = (node) => Math.round(parseFloat(getComputedStyle(node).fontSize) * 10) / 10;
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
    if (!own || !node.closest(selector) || node.closest(besides)) continue;
    if (!node.checkVisibility({ visibilityProperty: true })) continue;
    const name = (node.className.baseVal ?? node.className) || `${node.parentElement.className} ${node.tagName}`;
    sizes.set(name, Math.min(sizes.get(name) ?? Infinity, pixels(node)));
  }
  return Object.fromEntries(sizes);
}"""
HEROES = {1: 200, 2: 160, 3: 140, 4: 100, 5: 90, 6: 90}
"""How large the number is that everything is about, in pixels."""


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[tuple[Page, Stage]]:
    with staged(browser) as (page, stage):
        yield page, stage


def sizes(page: Page, stage: Stage, message: dict[str, Any], selector: str) -> dict[str, float]:
    stage.send(message)
    drawn(page)
    found: dict[str, float] = page.evaluate(SIZES, [selector, f"{BESIDE_THE_SCREEN}, .unseen, script, noscript"])
    assert found
    return found


@pytest.mark.parametrize("arms", [*HEROES])
def test_what_must_be_read_can_be(stage: tuple[Page, Stage], arms: int) -> None:
    must = sizes(*stage, hello(arms, 4), MUST_BE_READ)
    # A letter stands for its arm beside something that is as tall as it is: its box counts, which is a third taller.
    small = {name: size for name, size in must.items() if size * (1.3 if name == "letter" else 1) < 40}
    assert small == {}
    assert must["hero-digits"] >= HEROES[arms]
    rest = sizes(*stage, hello(arms, 4), "*")
    assert {name: size for name, size in rest.items() if size < 24} == {}


@pytest.mark.parametrize("parts", [{}, {"bet": OPEN}, {"bet": CLOSED}, {"bet": REVEALED}, {"load": LOAD}])
def test_what_is_for_the_hall_can_be_read(stage: tuple[Page, Stage], parts: dict[str, Any]) -> None:
    cards = sizes(*stage, hello(2, 4, show=show(join=JOIN, **parts)), ".stagecard *")
    assert {name: size for name, size in cards.items() if size < 30} == {}
    must = sizes(*stage, hello(2, 4, show=show(join=JOIN, **parts)), MUST_BE_READ)
    assert {name: size for name, size in must.items() if size < (30 if name == "letter" else 40)} == {}


@pytest.mark.parametrize("arms", range(3, 7))
def test_beside_a_card_more_arms_are_smaller_by_no_more_than_the_manual_says(
    stage: tuple[Page, Stage], arms: int
) -> None:
    message = hello(arms, 3, show=show(join=JOIN))
    must = sizes(*stage, message, MUST_BE_READ)
    assert must["hero-digits"] >= 80 and must["panel-name"] >= 33.5
    assert {name: size for name, size in sizes(*stage, message, "*").items() if size < 20.5} == {}
    arms_words = stage[0].locator("#panels .text-window")
    assert all(box["height"] >= 25 for box in (text.bounding_box() for text in arms_words.all()) if box)


@pytest.mark.parametrize("arms", range(1, 7))
def test_every_arm_s_words_are_seen(stage: tuple[Page, Stage], arms: int) -> None:
    page, far = stage
    far.send(hello(arms, 4))
    drawn(page)
    panels = page.locator("#panels .panel")
    expect(panels).to_have_count(arms)
    for panel in panels.all():
        text = panel.locator(".text-window")
        expect(text).to_be_visible()
        expect(text).to_contain_text("Paper was once made of rags")
        box, size = text.bounding_box(), float(text.evaluate("(node) => parseFloat(getComputedStyle(node).fontSize)"))
        assert box is not None and size >= 26 and box["height"] >= size, "a whole line of it"
        expect(panel.locator(".chart")).to_be_visible()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize(
    ("state", "parts", "least"),
    [("idle", {}, 420), ("idle", {"bet": OPEN}, 180), ("racing", {}, 320), ("racing", {"load": LOAD}, 240)],
)
def test_the_code_on_the_screen_leads_to_the_viewer_page(
    stage: tuple[Page, Stage], scheme: Any, state: str, parts: dict[str, Any], least: float
) -> None:
    page, far = stage
    page.emulate_media(color_scheme=scheme)
    settings = show(join=JOIN, **parts)
    far.send(idle(2, show=settings) if state == "idle" else hello(2, show=settings))
    code = page.locator(".join-code")
    expect(code).to_be_visible()
    drawn(page)
    box = code.bounding_box()
    assert box is not None and min(box["width"], box["height"]) >= least
    keep_screenshot(page, f"code-{state}-{'-'.join(parts)}-{scheme}")
    wait_until(
        lambda: decoded(page.screenshot()) == [JOIN["url"]], what="a reader of the whole screen finds the address"
    )
    expect(page.locator(".join-short")).to_have_text(str(JOIN["short"]))


def decoded(png: bytes) -> list[str]:
    """What a phone would read off the whole screen."""
    return [found.text for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))]
