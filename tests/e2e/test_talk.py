"""A whole talk in one simulated race: a projector, the presenter's console and three phones.

The phones bet, one asks a question, and what one of them is called stays text. Then the sampler is killed, and the
recording takes over until the presenter goes back to live.
"""

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from integration.processes import living, wait_until
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import Show, keep_screenshot, viewer

pytestmark = pytest.mark.browser

SLOW = 30_000
NAME = "<b onclick=x>Bo</b>"
DEMO = """
title: The hall is the load
model: {gpu: Qwen/Qwen2.5-1.5B-Instruct}
workload: {max_tokens: 64, concurrency: 2}
schedule: {round_seconds: 1.5, rounds: 200, baseline_seconds: 0, warm_up_seconds: 0}
arms:
  - {name: one at a time, runtime: simulated, args: {max_num_seqs: 1}}
  - {name: all together, runtime: simulated, args: {max_num_seqs: 64}}
"""


@pytest.fixture
def show(tmp_path: Path, recorded: Path) -> Iterator[Show]:
    """A show that waits for its presenter, with a recording of a demo of the same name in reserve."""
    file = tmp_path / "short.yaml"
    file.write_text(DEMO)
    reserve = tmp_path / "data" / "wattrace" / "fallback" / "short.jsonl"
    reserve.parent.mkdir(parents=True)
    shutil.copy(recorded, reserve)
    show = Show(tmp_path, "demo", str(file))
    yield show
    if show.process.poll() is None:
        show.end()


def touch(console: Page, name: str, says: str) -> None:
    """A tile of the console, and what it says then."""
    tile = console.locator(f"[data-name={name}]")
    tile.click()
    expect(tile).to_contain_text(says, timeout=SLOW)


def bet(phone: Page, joules: str, name: str) -> None:
    phone.locator(".bet-number").fill(joules)
    phone.locator(".bet-name").fill(name)
    phone.get_by_role("button", name="Send my guess").click()


def test_a_talk(browser: Browser, show: Show, tmp_path: Path) -> None:
    with ExitStack() as hall:
        calm = {"reduced_motion": "reduce"}  # fewer pictures a second: five pages share the machine with a race
        console = hall.enter_context(
            viewer(browser, f"{show.login_url}&to=present", width=390, height=844, has_touch=True, **calm)
        )
        projector = hall.enter_context(viewer(browser, show.url, **calm))
        asked: list[str] = []
        phones = [
            hall.enter_context(viewer(browser, f"{show.url}view", width=390, height=844, **calm)) for _ in range(3)
        ]
        for phone in phones:
            phone.on("request", lambda request: asked.append(request.url))
            phone.reload()
            expect(phone.locator("#badges")).to_contain_text("SIMULATED")
            expect(phone.locator("#bet")).to_be_hidden()
            expect(phone.locator("#load")).to_be_hidden()
        expect(console.locator("#holder")).to_have_text("You have control")
        they_bet(console, projector, phones)
        one_asks(console, projector, phones[2])
        the_sensor_dies(console, projector, phones, show)
        assert not [url for url in asked if "plotly" in url]
    show.end()
    is_recorded(tmp_path)


def they_bet(console: Page, projector: Page, phones: list[Page]) -> None:
    touch(console, "bet", "Close the bet")
    bet(phones[0], "300", NAME)
    bet(phones[1], "100000", "Ada")
    bet(phones[2], "lots", "Bob")
    expect(phones[2].locator(".form-error").first).to_have_text("Type a number of joules.")
    expect(phones[0].locator(".bet-mine")).to_have_text("You guessed 300 J.")
    expect(phones[1].locator(".bet-count")).to_have_text("2 guesses in the hall")
    expect(phones[2].locator(".bars")).to_be_hidden(), "who has not guessed yet shall not copy the others"
    phones[1].reload()
    expect(phones[1].locator(".bet-mine")).to_have_text("You guessed 100k J."), "the server knows the phone again"

    console.locator("#toggle").click()
    expect(phones[2].locator(".bet-mine")).to_have_text("Guessing is over.", timeout=60_000)
    expect(console.locator("[data-name=bet]")).to_contain_text("Reveal the answer", timeout=SLOW)
    console.locator("#guesses summary").click()
    console.get_by_role("button", name="Remove the guess of Ada").click()
    expect(console.locator("#guesses li")).to_have_count(1)
    expect(projector.locator(".verdict-note")).to_contain_text("rounds each", timeout=60_000)
    touch(console, "bet", "Bet again")
    for phone in phones:
        expect(phone.locator(".bet-answer")).to_contain_text(re.compile("B saves [0-9]"))
        expect(phone.locator("#bet")).to_contain_text("simulated")
        expect(phone.locator(".bet-closest li b").first).to_have_text(NAME)
        assert phone.locator("#bet b[onclick]").count() == 0
    expect(phones[0].locator(".bet-mine")).to_contain_text("Nobody came closer!")
    expect(phones[1].locator(".bet-mine")).to_have_text("The presenter has taken your guess out.", timeout=SLOW)
    expect(projector.locator(".betboard .bet-closest li b").first).to_have_text(NAME)
    keep_screenshot(phones[0], "phone-bet-revealed")


def one_asks(console: Page, projector: Page, phone: Page) -> None:
    touch(console, "load", "0 sent")
    phone.locator(".load-prompt").nth(1).click()
    expect(phone.locator(".load-state")).to_contain_text("answered by", timeout=30_000)
    assert len(phone.locator(".load-answer").inner_text()) > 20
    expect(projector.locator(".crowdboard .crowd-rest")).to_contain_text("1 sent")


def the_sensor_dies(console: Page, projector: Page, phones: list[Page], show: Show) -> None:
    """Every screen says so; the recording comes at a touch, under its badge, and live comes back by hand only."""
    (sampler,) = [pid for pid, line in living(show.mark).items() if "engine.sampler" in line]
    os.kill(sampler, signal.SIGKILL)
    expect(projector.locator("#badges")).to_contain_text("STALE", timeout=30_000)
    for page, place in ((projector, "#notice"), (console, "#trouble"), *((phone, "#notice") for phone in phones)):
        expect(page.locator(place)).to_contain_text(
            re.compile("sampler process|No power has been measured"), timeout=SLOW
        )
    console.keyboard.press("r")
    for page in (projector, *phones):
        expect(page.locator("#badges")).to_contain_text("REPLAY", timeout=30_000)
        expect(page.locator("#badges")).to_contain_text("SIMULATED")
    expect(console.locator("#trouble")).to_contain_text("The recording is on the screens")
    expect(projector.locator("#notice")).to_be_hidden(), "the recording is well"
    expect(projector.locator(".bet-title")).to_contain_text("of the race before"), "the bet's answer is not its"
    keep_screenshot(projector, "talk-fallback")
    console.get_by_role("button", name="Hold the recording").click()
    expect(projector.locator("#badges")).to_contain_text("REPLAY, paused", timeout=SLOW)
    console.keyboard.press("ArrowLeft")
    console.get_by_role("button", name="Go on").click()
    console.locator("#panic").click()
    expect(console.locator("#panic")).not_to_have_text("Back to live"), "it asks again"
    console.locator("#panic").click()
    for page in (projector, *phones):
        expect(page.locator("#badges")).not_to_contain_text("REPLAY")
    console.locator("#toggle").click()
    console.locator("#toggle").click()
    expect(phones[2].locator("#badges")).to_contain_text("ENDED", timeout=30_000)


def is_recorded(folder: Path) -> None:
    """What the presenter and the hall did is in the recording, and the rounds that it touched are marked."""
    [file] = folder.glob("data/wattrace/recordings/*.jsonl")
    wait_until(lambda: b'"stop"' in file.read_bytes().splitlines()[-1], what="the recording is complete")
    marks = [found for line in file.read_bytes().splitlines() if (found := json.loads(line))["type"] == "mark"]
    actions = [(mark["state"], mark.get("data")) for mark in marks if mark["kind"] == "control"]
    assert ("bet", {"state": "revealed"}) in actions and ("load", {"open": True}) in actions
    [start] = [data for action, data in actions if action == "start"]
    assert start["bet"] == "open", "it was opened before the race, and the mark of the start says so"
    assert [data for action, data in actions if action == "replay"] == [
        {"paused": True}, {"step": "previous"}, {"paused": False},
    ]  # fmt: skip
    crowd = [mark for mark in marks if mark.get("data", {}).get("crowd")]
    assert crowd and {mark["data"]["crowd"] for mark in crowd} == {1}
    [warning, *_] = [mark for mark in marks if mark.get("data", {}).get("code") == "crowd_load"]
    assert (warning["arm"], warning["round"]) == (crowd[0]["arm"], crowd[0]["round"])
