"""What models, phones and demo files say is text on every page: titles, names, prompts, answers, reasons, nicknames."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from e2e.hall import JOIN, LOAD, REVEALED, show
from e2e.staged import drawn, hello, staged

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
