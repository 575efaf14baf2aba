"""The README's pictures, of a real race on the simulated GPU: `python bench/screenshots.py`, or `make screenshots`."""

import re
import sys
from pathlib import Path

from browser import launch
from machine import chromium
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from show import Show, serving, wait_until

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
DEMO = ROOT / "demos" / "batch-1-vs-8.yaml"
PROJECTOR, PHONE = ViewportSize(width=1920, height=1080), ViewportSize(width=390, height=844)
VERDICT_MS = 120_000
INTO_THE_TURN_MS = 4500


def main() -> int:
    path = chromium()
    if path is None:
        print("there is no Chromium on this machine; make browser installs one where it may")
        return 1
    arguments = ("--simulate", "--rounds", "12", "--round-seconds", "6")
    with serving(*arguments, demo=DEMO.read_text()) as running, sync_playwright() as playwright:
        url = running.address()
        browser = launch(playwright, path)
        projector = opened(browser, f"{url}/?theme=dark", PROJECTOR)
        console = opened(browser, control(running), PHONE)
        console.goto(f"{url}/present?theme=dark")
        phone = opened(browser, f"{url}/view?theme=light", PHONE)
        expect(projector.locator("#verdict")).to_contain_text("less energy", timeout=VERDICT_MS)
        into_a_turn_of_b(projector)
        for page in (projector, phone):
            expect(page.locator("#notice")).to_be_hidden(timeout=30_000)  # this machine has kept up
        for page, name in ((projector, "projector"), (phone, "phone"), (console, "presenter")):
            page.screenshot(path=IMAGES / f"{name}.png")
            print(f"docs/images/{name}.png")
        browser.close()
    return 0


def opened(browser: Browser, url: str, size: ViewportSize) -> Page:
    """A page of its own; phones have finer pixels than projectors."""
    scale = 1 if size is PROJECTOR else 2
    page = browser.new_context(viewport=size, device_scale_factor=scale).new_page()
    page.goto(url)
    return page


def control(running: Show) -> str:
    """The presenter's link, which is good for one use."""
    found = re.search(r"control\s+(\S+)", running.output.read_text())
    assert found is not None, running.output.read_text()
    return found[1]


def into_a_turn_of_b(projector: Page) -> None:
    """When the picture has most to tell: B at work, and A's last turn beside it."""
    active = projector.locator("#panels")
    wait_until(lambda: active.get_attribute("data-active") == "A", seconds=60, what="it is A's turn")
    wait_until(lambda: active.get_attribute("data-active") == "B", seconds=60, what="it is B's turn")
    projector.wait_for_timeout(INTO_THE_TURN_MS)


if __name__ == "__main__":
    sys.exit(main())
