"""Who sees no colours, asks for more contrast or for calm, listens, or uses the keyboard alone, is served as well."""

from typing import Any

import pytest
from integration.processes import wait_until
from playwright.sync_api import Browser, Page, expect

from e2e.staged import NS, Stage, drawn, frame, hello, staged

pytestmark = pytest.mark.browser

# Contrast of two colours as WCAG 2 defines it, of what an element is painted with.
CONTRAST = """([text, ground]) => {
  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const light = (colour) => {
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  const [one, two] = [light(style(text).color), light(style(ground).backgroundColor)];
  return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
}"""
# How a stop is called; what the sensor's line says is another thing as soon as it is silent.
NAME = "(node.matches('summary') ? 'sensor' : node.ariaLabel || node.textContent.trim())"
# Where the focus is: what it is called, whether it is seen, and whether it is marked.
STOP = """() => {
  const node = document.activeElement;
  if (node === document.body) return '';
  const style = getComputedStyle(node);
  const marked = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const seen = node.checkVisibility({ visibilityProperty: true });
  return [NAME, seen, marked].join('|');
}""".replace("NAME", NAME)
# What can be pressed, in the page's order, as it is called.
STOPS = """() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
  .filter((node) => !node.disabled && node.checkVisibility({ visibilityProperty: true }) && !node.closest('dialog'))
  .map((node) => NAME)""".replace("NAME", NAME)
# What of the bar could be pressed when it came, before anything was drawn.
FIRST = """
new MutationObserver(() => {
  const bar = document.querySelector('.dvr-bar');
  if (bar) window.first ??= [...bar.querySelectorAll('button, [tabindex="0"]')]
    .filter((node) => node.checkVisibility()).map((node) => node.ariaLabel || node.textContent.trim());
}).observe(document, { childList: true, subtree: true });
"""
SPOKEN = """() => {
  window.spoken = [];
  const node = document.getElementById('speech');
  const seen = new MutationObserver(() => window.spoken.push(node.textContent));
  seen.observe(node, { childList: true, characterData: true, subtree: true });
}"""
CANVAS = """() => {
  const probe = document.createElement('i');
  probe.style.background = 'Canvas';
  document.body.append(probe);
  const colour = getComputedStyle(probe).backgroundColor;
  probe.remove();
  return colour;
}"""
PAINTED = "(all) => all.map((node) => getComputedStyle(node).backgroundColor)"
PATTERN = "(all) => all.map((node) => getComputedStyle(node).backgroundImage)"
PATTERNS = "(panels) => panels.map((panel) => getComputedStyle(panel, '::before').backgroundImage)"
# Sound without a loudspeaker: what was asked of it is kept.
SILENT = """
window.asked = { pitch: [], loudness: [], side: [] };
const parameter = (kept) => ({ setTargetAtTime: (value) => kept.push(value) });
const node = { connect: (next) => next, start() {} };
window.AudioContext = class { currentTime = 0; destination = node; close() { window.hushed = true; } };
const fake = (name, kept) => class { constructor() { Object.assign(this, node, { [name]: parameter(kept) }); } };
window.OscillatorNode = fake('frequency', window.asked.pitch);
window.GainNode = fake('gain', window.asked.loudness);
window.StereoPannerNode = fake('pan', window.asked.side);
"""
FULL = """
window.full = [];
Object.defineProperty(document, 'fullscreenEnabled', { get: () => true });
Element.prototype.requestFullscreen = async function () { window.full.push(this.tagName); };
"""
AWAKE = """
window.locks = [];
Object.defineProperty(navigator, 'wakeLock', { value: { request: async (what) => { window.locks.push(what); } } });
"""


def powered(page: Page, stage: Stage, watts: float) -> None:
    """So many watts of the first arm, a tenth of a second later than the last time."""
    t_s = 61.1 + stage.seq / 10
    power = {"t_ns": [round(t_s * NS)], "mean": [watts], "min": [watts], "max": [watts], "arm": ["A"]}
    stage.send(frame(run=stage.first["run"]["id"], t_s=t_s, power=power))
    page.wait_for_timeout(200)  # words and tones change eight times a second


def test_arms_are_told_apart_without_colour(browser: Browser) -> None:
    with staged(browser, first=hello(6)) as (page, _):
        expect(page.locator("#schedule .turn").first).to_have_text("A")
        letters = page.locator("#panels .panel-head .letter")
        assert letters.all_inner_texts() == [*"ABCDEF"]
        patterns = page.locator("#panels .panel").evaluate_all(PATTERNS)
        assert len(set(patterns)) == 6, "each arm's edge has a pattern of its own"
        # So has whatever stands for it elsewhere: its lane, its letter there, and its turns.
        bars = page.locator("#race .race-track i").evaluate_all(PATTERN)
        assert len(set(bars)) == 6
        assert page.locator("#race .letter").all_inner_texts() == [*"ABCDEF"]
        assert "".join(page.locator("#schedule .turn").all_inner_texts()).startswith("ABCDEF")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_who_asks_for_more_contrast_gets_it(browser: Browser, scheme: Any) -> None:
    with staged(browser, color_scheme=scheme) as (page, _):
        drawn(page)
        quiet = ["#panels .prompt", "#panels .panel"]
        usual = page.evaluate(CONTRAST, quiet)
        page.emulate_media(contrast="more")
        more = page.evaluate(CONTRAST, quiet)
        assert usual >= 4.5 and more >= 10 and more > usual


def test_forced_colours_are_obeyed_and_arms_keep_theirs(browser: Browser) -> None:
    with staged(browser, forced_colors="active") as (page, _):
        drawn(page)
        assert len(set(page.locator("#panels .letter").evaluate_all(PAINTED))) == 2
        assert set(page.locator("#panels .panel").evaluate_all(PAINTED)) == {page.evaluate(CANVAS)}


def test_with_reduced_motion_the_charts_move_twice_a_second(browser: Browser) -> None:
    counted = "() => window.wattrace.framesDrawn"
    with staged(browser, reduced_motion="reduce") as (page, _):
        drawn(page)
        before = page.evaluate(counted)
        page.wait_for_timeout(2000)
        assert 1 <= page.evaluate(counted) - before <= 5


def test_a_tone_follows_the_watts_until_it_is_turned_off(browser: Browser) -> None:
    with staged(browser, script=SILENT) as (page, stage):
        tone = page.get_by_role("button", name="Tone")

        def heard(watts: float) -> float:
            powered(page, stage, watts)
            return float(page.evaluate("asked.pitch.at(-1) ?? 0"))

        expect(tone).to_be_visible()
        assert heard(100) == 0, "it is off until somebody asks"
        tone.click()
        expect(tone).to_have_attribute("aria-pressed", "true")
        wait_until(lambda: 110 < heard(100) < 440, what="a tone for 100 W")
        wait_until(lambda: 440 < heard(280) <= 880, what="a higher one for 280 W")
        assert page.evaluate("asked.side.at(-1)") < 0, "the first arm is on the left"
        assert page.evaluate("asked.loudness.some((loudness) => loudness > 0)")
        tone.click()
        assert page.evaluate("window.hushed") is True


def test_full_screen_and_a_screen_that_stays_on(browser: Browser) -> None:
    with staged(browser, script=FULL + AWAKE) as (page, _):
        button = page.get_by_role("button", name="Full screen")
        button.click()
        assert page.evaluate("window.full") == ["HTML"]
        assert page.evaluate("window.locks") == ["screen"]
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        assert page.evaluate("window.locks") == ["screen", "screen"], "a page that was hidden has lost its lock"


@pytest.mark.parametrize(("path", "width"), [("/", 1920), ("/", 390), ("/view", 390), ("/present", 390)])
def test_the_keyboard_walks_through_all_that_can_be_pressed(browser: Browser, path: str, width: int) -> None:
    """From top to bottom as the page has it, every stop is seen, and none is left out."""
    viewport = {"width": width, "height": 1080 if width == 1920 else 844}
    with staged(browser, path, viewport=viewport, control=path == "/present") as (page, _):
        expect(page.locator(".dvr-bar" if path != "/present" else "#take")).to_be_attached()
        expect(page.get_by_role("button").first).to_be_visible()
        page.mouse.move(600, 500)
        drawn(page)
        there = page.evaluate(STOPS)
        walked: list[str] = []
        for _step in range(60):
            page.keyboard.press("Tab")
            drawn(page)
            said = page.evaluate(STOP)
            if not said:
                break
            walked.append(said)
        assert walked and all(stop.endswith("|true|true") for stop in walked), walked
        assert [stop.rsplit("|", 2)[0] for stop in walked] == there


@pytest.mark.parametrize("path", ["/", "/view"])
def test_nothing_can_be_pressed_that_goes_away_again_or_has_no_name(browser: Browser, path: str) -> None:
    """A key that comes before the first picture would find the replay's buttons, and lose its place with them."""
    with staged(browser, path, script=FIRST) as (page, _):
        expect(page.locator(".dvr-bar")).to_be_attached()
        first = page.evaluate("window.first")
        assert first and all(first) and not [name for name in first if name.startswith("Everyone")]


def test_who_listens_hears_a_sentence_now_and_then(browser: Browser) -> None:
    with staged(browser) as (page, stage):
        speech = page.locator("#speech")
        expect(speech).to_contain_text("per token")
        assert speech.get_attribute("aria-live") == "polite"
        page.evaluate(SPOKEN)
        for count in range(20):
            verdict = {**stage.first["frame"]["verdict"], "text": f"B uses {40 + count} % less energy per token"}
            stage.send(frame(run=stage.first["run"]["id"], t_s=61.1 + count / 10, verdict=verdict))
            page.wait_for_timeout(100)
        expect(page.locator("#verdict")).to_contain_text("59 % less")
        assert page.evaluate("window.spoken") == [], "twenty times in two seconds nobody wants to hear it"
        page.evaluate("() => { const now = performance.now.bind(performance); performance.now = () => now() + 16e3; }")
        stage.send(frame(run=stage.first["run"]["id"], t_s=63.2, verdict=verdict))
        expect(speech).to_contain_text("59 % less")
        assert len(page.evaluate("window.spoken")) == 1


def test_who_only_watches_finds_the_keys_for_looking_back_in_the_list(browser: Browser) -> None:
    with staged(browser) as (page, _):
        expect(page.locator(".dvr-bar")).to_be_attached()
        page.keyboard.press("?")
        expect(page.locator("dialog.keys")).to_contain_text("look back")
        expect(page.locator("dialog.keys")).not_to_contain_text("start the race")
        page.keyboard.press("Escape")
        page.wait_for_function("document.activeElement === document.body")
        page.keyboard.press(" ")
        expect(page.locator("body")).to_have_attribute("data-look", "back")
