"""The leaderboard's page on a static host: a row for each arm, with its warnings; nothing in it is taken for markup."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, expect
from recordings import recorded
from story import story

from engine.documents import Stop
from engine.export import export

pytestmark = pytest.mark.browser


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a leaderboard of two runs is served; one was cut off and has an evil title."""
    (start, *rest) = story(power=False)
    evil = {"run": "evil", "demo": {**start.demo, "title": "<img src=x onerror='document.title=1'>"}}
    cut = [start.model_copy(update=evil), *(document for document in rest if not isinstance(document, Stop))]
    races = [recorded(tmp_path / "race.jsonl"), recorded(tmp_path / "evil.jsonl", cut)]
    export(races, "leaderboard", tmp_path / "out")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path / "out"))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_every_arm_has_a_row_with_its_warnings(browser: Browser, address: str) -> None:
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    expect(page.get_by_role("status")).to_contain_text("2 recordings")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("3 J/token")
    expect(rows.nth(0)).to_contain_text("SIMULATED power and arms")
    expect(rows.nth(2)).to_contain_text("— J/token")
    expect(rows.nth(2)).to_contain_text("cut off")
    expect(rows.nth(2).locator("a")).to_have_text("<img src=x onerror='document.title=1'>")
    expect(rows.nth(2).locator("a")).to_have_attribute("href", "runs/evil.json")
    assert page.title() == "wattrace leaderboard" and not problems
    page.close()
