"""The presenter's console in real browsers, driving a real race: a phone and a laptop, and the recording afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from e2e.conftest import Show, keep_screenshot, viewer
from engine.documents import Mark, MarkKind
from engine.recording import Reader

pytestmark = pytest.mark.browser

BOXES = Path(__file__).with_name("boxes.js").read_text()
SIZES = [(390, 844), (320, 640), (820, 1180), (1366, 768), (1920, 1080)]
SLOW = 60_000
SMALL = """() => [...document.querySelectorAll('button, select, input, summary, a, label.tick')]
  .filter((node) => node.checkVisibility() && !node.closest('label.tick > *'))
  .map((node) => [node.id || node.textContent, node.getBoundingClientRect()])
  .filter(([, box]) => box.width < 43.5 || box.height < 43.5).map(([name]) => name)"""
"""Targets that a thumb would miss."""


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """A simulated show of the shipped demos, which nobody has started."""
    stage = Show(tmp_path_factory.mktemp("present"), "demo", "--simulate", "--round-seconds", "2")
    yield stage
    text = stage.end()
    assert "Traceback" not in text, text


@pytest.fixture(scope="module")
def phone(browser: Browser, show: Show) -> Iterator[Page]:
    """The console on a phone, by the link that works once; it must not complain."""
    with viewer(browser, f"{show.login_url}&to=present", width=390, height=844, has_touch=True) as page:
        assert page.url == f"{show.url}present", "the ticket does not stay in the address"
        expect(page.locator("#holder")).to_have_text("You have control")
        yield page


@pytest.fixture(scope="module")
def laptop(browser: Browser, show: Show, phone: Page) -> Iterator[Page]:
    """The same presenter's laptop: another console. What it is refused, its browser notes as an error."""
    context: BrowserContext = browser.new_context(viewport={"width": 1366, "height": 768})
    context.add_cookies(phone.context.cookies())
    page = context.new_page()
    page.goto(f"{show.url}present")
    expect(page.locator("#holder")).to_contain_text("has control for 10 min more")
    yield page
    context.close()


def tile(page: Page, name: str) -> str | None:
    return page.locator(f"[data-name={name}]").get_attribute("aria-pressed")


def test_without_the_link_there_is_a_way_in_and_nothing_else(browser: Browser, show: Show) -> None:
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"{show.url}present")
    assert answer is not None and answer.status == 401
    expect(page.get_by_role("heading")).to_have_text("This is the presenter’s console")
    expect(page.locator("body")).to_contain_text("a link that works once")
    assert page.locator("button, input, select").count() == 0
    context.close()


def test_a_link_on_another_site_leads_the_presenter_in_all_the_same(browser: Browser, show: Show, phone: Page) -> None:
    """The browser keeps the cookie back from such a visit, so the locked page asks for itself, and loads anew."""
    context = browser.new_context()
    context.add_cookies(phone.context.cookies())
    page = context.new_page()
    link = f'<a href="{show.url}present">the console</a>'
    page.route("http://notes.test/", lambda route: route.fulfill(body=link, content_type="text/html"))
    page.goto("http://notes.test/")
    with page.expect_response(f"{show.url}present") as first:
        page.get_by_role("link").click()
    assert first.value.status == 401, "the cookie was kept back, else this tests nothing"
    expect(page.locator("#holder")).to_be_visible()
    context.close()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_everything_has_its_place_and_is_large_enough_to_hit(phone: Page, width: int, height: int) -> None:
    expect(phone.locator("#steps li").first).to_be_visible()
    wrong = {}
    for scheme in ("dark", "light"):
        phone.emulate_media(color_scheme=scheme)
        phone.set_viewport_size({"width": width, "height": height})
        keep_screenshot(phone, f"present-{width}-{scheme}")
        # As tall as the page: what is under the dock only waits to be scrolled to.
        tall = phone.evaluate("document.documentElement.scrollHeight")
        phone.set_viewport_size({"width": width, "height": tall})
        wrong[scheme] = [*phone.evaluate(BOXES), *phone.evaluate(SMALL)]
    phone.set_viewport_size({"width": 390, "height": 844})
    assert wrong == {"dark": [], "light": []}


def test_the_check_up_is_a_list_of_lights_with_remedies(phone: Page) -> None:
    phone.locator("#check").click()
    expect(phone.locator("#check-said")).to_contain_text("Checking")
    expect(phone.locator("#check-said")).to_contain_text("can race", timeout=SLOW)
    phone.locator("#fine summary").click()
    assert phone.locator("#fine li").count() >= 3
    expect(phone.locator("#fine")).to_contain_text("this page is served at port")
    for light in phone.locator("#findings > li").all():
        expect(light.locator(".remedy")).not_to_be_empty()


def test_another_demo_is_next_on_every_page(phone: Page, browser: Browser, show: Show) -> None:
    with viewer(browser, show.url) as hall:
        expect(hall.locator("#title")).to_have_text("Batch 1 against batch 8")
        phone.locator("#demo").select_option("eager-vs-graphs")
        expect(phone.locator("#title")).to_have_text("Eager against CUDA graphs")
        expect(hall.locator("#title")).to_have_text("Eager against CUDA graphs")
    expect(phone.locator("#steps")).to_contain_text("power bill")
    phone.locator("#steps input").first.check()
    expect(phone.locator("#notes")).to_contain_text("watts are not joules")


def test_the_keys_are_in_a_list_and_do_what_it_says(phone: Page) -> None:
    phone.keyboard.press("?")  # whatever was ticked last
    expect(phone.locator("dialog.keys tr")).to_have_count(7)
    phone.keyboard.press("f")
    assert tile(phone, "freeze") == "false", "while the list is open, keys do nothing else"
    phone.keyboard.press("Escape")
    expect(phone.locator("dialog.keys")).not_to_be_visible()
    for key, name in (("f", "freeze"), ("v", "verdict"), ("S", "swap")):
        phone.keyboard.press(key)
        expect(phone.locator(f"[data-name={name}]")).to_have_attribute("aria-pressed", "true")
    phone.locator("#name").fill("F and v?")
    assert tile(phone, "freeze") == tile(phone, "verdict") == "true", "what is typed into a field is text"
    phone.locator("#name").press("Enter")
    phone.keyboard.press("v")
    expect(phone.locator("[data-name=verdict]")).to_have_attribute("aria-pressed", "false")


def test_the_recording_may_take_over_by_itself_and_who_watches_is_counted(phone: Page, laptop: Page) -> None:
    expect(phone.locator("#who")).to_have_text("2 browsers are watching, consoles among them", timeout=SLOW)
    box = phone.locator("#automatic input")
    expect(box).not_to_be_checked()
    box.check()
    expect(box).to_be_checked(), "it stays as it was set while the server is told"
    expect(laptop.locator("#automatic input")).to_be_checked(timeout=SLOW)
    box.uncheck()
    expect(laptop.locator("#automatic input")).not_to_be_checked(timeout=SLOW)


def test_two_consoles_drive_one_race(phone: Page, laptop: Page, show: Show) -> None:
    name = phone.locator("#name").input_value()
    for key, action in (("f", "freeze"), ("v", "verdict"), ("s", "swap")):
        if tile(phone, action) == "false" and key != "v":
            phone.keyboard.press(key)
    phone.locator("[data-name=verdict]").click()
    start(phone)  # by the space bar, which is not the button's that was just clicked
    expect(laptop.locator("#toggle")).to_have_text("Stop", timeout=SLOW)
    assert [tile(laptop, name) for name in ("freeze", "verdict", "swap")] == ["true"] * 3, "both see the same"
    laptop.keyboard.press("f")
    expect(laptop.locator("#notice")).to_contain_text(f"{name} has control; take it over first")
    expect(laptop.locator("#take-now")).to_be_in_viewport()
    laptop.keyboard.press("t")
    expect(laptop.locator("#holder")).to_have_text("You have control")
    expect(laptop.locator("#take-now")).to_be_hidden()
    expect(phone.locator("#holder")).to_contain_text("Laptop")
    laptop.keyboard.press("f")
    expect(phone.locator("[data-name=freeze]")).to_have_attribute("aria-pressed", "false")
    next_turn(laptop)
    expect(laptop.locator("#figures tbody tr")).to_have_count(2)
    laptop.locator("#toggle").click()
    expect(laptop.locator("#toggle")).to_have_text("Stop the race?")
    laptop.locator("#toggle").click()
    expect(phone.locator("#phase")).to_have_text("Stopped", timeout=SLOW)
    expect(phone.locator("#toggle")).to_have_text("Start")
    check_recording(Path(show.output.name).parent, name)


def start(page: Page) -> None:
    page.keyboard.press(" ")
    for _ in range(200):  # warm-ups and the baseline are skipped, whichever of them it is
        if "runs" in (page.locator("#phase").text_content() or ""):
            return
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(200)
    raise AssertionError(page.locator("#phase").text_content())


def next_turn(page: Page) -> None:
    """End a turn while it runs; the next one begins."""
    turn = page.locator("#turn").text_content() or ""
    page.keyboard.press("ArrowRight")
    expect(page.locator("#turn")).not_to_have_text(turn, timeout=SLOW)


def check_recording(folder: Path, name: str) -> None:
    """What the two did is in it, in order, with who did it."""
    (file,) = folder.glob("data/wattrace/recordings/*.jsonl")
    marks = [document for document in Reader(file) if isinstance(document, Mark)]
    control = [(mark.state, mark.text) for mark in marks if mark.kind is MarkKind.CONTROL]
    states = [state for state, _ in control]
    assert states[0] == "start" and states[-1] == "stop" and "next" in states
    assert [state for state in states if state not in {"start", "next", "stop"}] == ["lock", "unfreeze"]
    before, after = control[: states.index("lock")], control[states.index("lock") :]
    assert {who for _, who in before} == {name}
    assert len({who for _, who in after}) == 1 and after[0][1] != name
    start = next(mark for mark in marks if mark.kind is MarkKind.CONTROL)
    assert start.data["frozen"] and start.data["verdict_hidden"] and start.data["swapped"], "what was set before"
    ends = [mark.data for mark in marks if mark.kind is MarkKind.ROUND_END]
    assert {"complete": False, "reason": "ended early by the presenter"} in ends
