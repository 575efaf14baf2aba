"""What models, phones and demo files say is text on every page: titles, names, prompts, answers, reasons, nicknames."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from e2e.hall import JOIN, LOAD, REVEALED, show
from e2e.staged import DESK, drawn, hello, staged
from e2e.test_projector import RESERVE

pytestmark = pytest.mark.browser

NASTY = "<img src=x onerror=window.caught=1><script>window.caught=1</script><b>&lt;bold</b>"
FOREIGN = "[src='x'], main script, main b b, #bet b b, [onerror]"


def hostile(state: str = "racing") -> dict[str, Any]:
    bet = {**REVEALED, "question": NASTY, "why": NASTY, "closest": [{"id": 1, "nickname": NASTY, "guess": 1.0}]}
    load = {**LOAD, "prompts": [NASTY]}
    join = {**JOIN, "short": NASTY}
    message = hello(2, state=state, reason=NASTY, show=show(bet=bet, load=load, join=join))
    message["run"] |= {"title": NASTY, "learn": NASTY, "device": NASTY}
    for arm in message["run"]["arms"]:
        arm["name"] = NASTY
    message["frame"]["arms"]["A"] |= {"prompt": NASTY, "text": NASTY, "reasons": [NASTY]}
    message["frame"]["arms"]["B"] |= {"state": "failed", "reason": NASTY}
    if state == "racing":
        message["frame"]["verdict"] |= {"text": f"B {NASTY}", "decided": False}
    return message


def test_nor_does_it_on_the_console(browser: Browser) -> None:
    guesses = [{"id": 1, "nickname": NASTY, "guess": 1.0, "near": True}]
    finding = {"check": "x", "level": "problem", "text": NASTY, "remedy": NASTY}
    desk = {
        **DESK, "notes": NASTY, "steps": [NASTY], "demo": NASTY,
        "demos": [{"name": NASTY, "title": NASTY, "learn": NASTY}, {"name": "x", "title": NASTY, "learn": ""}],
    }  # fmt: skip
    first = hostile()
    first["show"] |= {"presenter": {"name": NASTY, "seconds_left": 9.0}}
    first["show"] |= {"fallback": {**RESERVE, "why": NASTY, "file": NASTY}}
    with staged(browser, "/present", first=first, control=True) as (page, _):
        page.route("**/api/show", lambda route: route.fulfill(json={**desk, "has_control": False}))
        page.route("**/api/show/bet", lambda route: route.fulfill(json={"guesses": guesses}))
        page.route("**/api/preflight*", lambda route: route.fulfill(json={"ok": False, "findings": [finding]}))
        page.reload()
        expect(page.locator("#notes")).to_contain_text(NASTY)
        page.locator("#guesses summary").click()
        expect(page.locator("#guesses li")).to_contain_text(NASTY)
        for said in ("#title", "#steps", "#demo", "#holder", "#trouble"):
            assert NASTY in " ".join(page.locator(said).all_text_contents()), said
        assert page.locator(FOREIGN).count() == 0
        assert page.evaluate("window.caught") is None


@pytest.mark.parametrize("path", ["/", "/view"])
@pytest.mark.parametrize("state", ["racing", "failed"])
def test_nothing_that_is_told_becomes_markup(browser: Browser, path: str, state: str) -> None:
    with staged(browser, path, first=hostile(state)) as (page, _):
        expect(page.locator("#title")).to_have_text(NASTY)
        drawn(page)
        for said in ("h2", "[class$=prompt]", "[class$=text]", "[class*=trouble]", ".bet-closest"):
            assert NASTY in " ".join(page.locator(said).all_text_contents()), said
        assert page.locator(FOREIGN).count() == 0
        assert page.evaluate("window.caught") is None
