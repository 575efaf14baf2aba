"""The report in a real browser: from a file, without a server, with nothing asked of anybody."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from evil import SCRIPT, evil
from evil import recorded as written
from integration.processes import marked_environment
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import keep_screenshot

pytestmark = pytest.mark.browser


def made(recording: Path, out: Path) -> Path:
    """The report, by the command."""
    _, environment = marked_environment(XDG_DATA_HOME=str(out.parent))
    command = [str(Path(sys.executable).with_name("wattrace")), "report", str(recording), "--out", str(out)]
    subprocess.run([*command, "--carbon", "40-80", "--price", "0.25 EUR"], env=environment, check=True, timeout=60)
    return out


@pytest.fixture(scope="module")
def report(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(recorded, tmp_path_factory.mktemp("report") / "race.html")


@contextmanager
def opened(browser: Browser, path: Path, *, width: int = 1920, height: int = 1080, **options: Any) -> Iterator[Page]:
    """The file in a page of its own, which must not complain, ask for anything, or open a dialog."""
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **options)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.append(request.url) if request.url != path.as_uri() else None)
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    expect(page.locator("#player")).to_be_visible()
    expect(page.locator("#time")).to_have_text(re.compile(r"\d+:\d\d / \d+:\d\d"))
    yield page
    context.close()
    assert complaints == []


def test_it_begins_with_the_result_and_plays_the_race(browser: Browser, report: Path) -> None:
    with opened(browser, report) as page:
        expect(page.locator("body")).to_have_attribute("data-state", "done")
        expect(page.locator(".badge").first).to_have_text("SIMULATED")
        digits = page.locator(".hero-digits").all_inner_texts()
        assert len(digits) == 2 and all(text.isdigit() for text in digits), digits
        assert page.locator(".trace-own").first.get_attribute("d")
        keep_screenshot(page, "report")
        page.get_by_role("button", name="50×").click()
        page.get_by_role("button", name="Play").click()
        expect(page.locator("body")).not_to_have_attribute("data-state", "done")
        expect(page.locator("body")).to_have_attribute("data-state", "done", timeout=30_000)
        expect(page.get_by_role("button", name="Play")).to_be_visible()
        assert page.locator(".hero-digits").all_inner_texts() == digits


def test_it_goes_to_any_moment_and_stays_there(browser: Browser, report: Path) -> None:
    with opened(browser, report) as page:
        whole = page.locator("#time").inner_text().partition(" / ")[2]
        page.evaluate("""() => {
            const seek = document.querySelector('#seek');
            seek.value = seek.min;
            seek.dispatchEvent(new Event('input'));
        }""")
        expect(page.locator("#time")).to_have_text(f"0:00 / {whole}")
        page.locator("body").press("ArrowRight")
        expect(page.locator("#time")).to_have_text(f"0:05 / {whole}")
        page.locator("body").press("Space")
        expect(page.locator("#play")).to_have_attribute("data-playing", "true")
        page.locator("body").press("Space")
        expect(page.locator("#play")).to_have_attribute("data-playing", "false")
        page.locator("#seek").focus()
        page.locator("#seek").press("End")
        expect(page.locator("#time")).to_have_text(f"{whole} / {whole}")


def test_its_tables_are_what_compare_says(
    browser: Browser, report: Path, recorded: Path, compared: Callable[[Path], dict[str, Any]]
) -> None:
    found = compared(recorded)
    with opened(browser, report) as page:
        assert page.evaluate("JSON.parse(document.querySelector('#outcome').textContent)") == found
        row = page.locator(".figures tr", has_text=re.compile(r"^J/token(?! above)"))
        values = row.locator("data").evaluate_all("nodes => nodes.map((node) => Number(node.value))")
        assert values == [arm["joules_per_token"] for arm in found["arms"]]
        expect(page.get_by_text("g CO2e/kWh")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1024, 768)])
def test_it_fits_other_screens(browser: Browser, report: Path, width: int, height: int) -> None:
    with opened(browser, report, width=width, height=height, color_scheme="light") as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        keep_screenshot(page, f"report-{width}")


def test_without_scripts_every_figure_is_there(browser: Browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    expect(page.locator(".figures")).to_be_visible()
    expect(page.locator("#verdict")).not_to_be_empty()
    expect(page.locator("#player")).to_be_hidden()
    context.close()


def test_on_paper_there_is_no_player_and_nothing_folded(browser: Browser, report: Path) -> None:
    with opened(browser, report) as page:
        page.emulate_media(media="print")
        expect(page.locator("#stage")).to_be_hidden()
        expect(page.locator(".paper-title")).to_be_visible()
        assert page.pdf().startswith(b"%PDF-")
        assert page.evaluate("[...document.querySelectorAll('details')].every((folded) => folded.open)")


def test_an_attack_stays_text(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, made(recorded_evil(tmp_path), tmp_path / "evil.html")) as page:
        expect(page.locator("h1")).to_have_text(SCRIPT)
        assert page.locator("img").count() == 0
        expect(page.locator(".panel .text").first).to_contain_text("onerror=alert")


def recorded_evil(folder: Path) -> Path:
    return written(folder, evil())
