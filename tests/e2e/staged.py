"""A page on a made-up stream: it is the checkout's, and its messages come from the test; there is no server.

So any state of the page is there in milliseconds: six arms, six digits, a verdict, a hidden one, a stale picture. The
page comes joined as the server gives it, so that what is tested is what is served, and sixty requests less are made.
"""

import json
import mimetypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, WebSocketRoute

from e2e.hall import JOIN
from server.audience.join import qr_svg
from server.joined import JoinedPages
from server.plotlyjs import script_path
from server.show import Show

STATIC = Path(__file__).parents[2] / "static"
ORIGIN = "http://stage.test"
JOINED = JoinedPages()
PAGES = {"/": "index.html", "/view": "view.html", "/present": "present.html", "/present-locked": "present-locked.html"}
STREAMED = ("/", "/view", "/present")
NAMES = ["batch 1", "batch 8", "CUDA graphs", "fp8 weights", "prefix cache", "speculative, 5 tokens"]
LARGE = [8.4, 42.6, 673.2, 9432.0, 98_765.0, 987_654.0]
"""A value of one digit, of two, and so on: of millijoules a token, of watts, of tokens a second."""
NS = 10**9
DESK = {
    "show": Show().payload(), "has_control": True, "viewers": 3, "recorders": 0, "demos": [], "demo": None, "notes": "",
    "steps": [],
}  # fmt: skip
"""What only the presenter hears."""
TWO_PICTURES = """() => new Promise((done) => {
  const counters = window.wattrace ?? {};
  const until = counters.framesDrawn + 2;
  const latest = performance.now() + 3000;
  let left = 4;
  (function next() {
    left -= 1;
    const late = counters.framesDrawn < until && performance.now() < latest;
    if (left >= 0 || late) requestAnimationFrame(next); else done();
  })();
})"""
"""On a busy machine frames do not come evenly, and new charts are drawn a picture after their digits: two more pictures
with charts, where the page counts those."""


class Stage:
    """The far end of a page's stream."""

    def __init__(self, *, plotly: bool = False, control: bool = False) -> None:
        self.plotly, self.control = plotly, control
        self.seq = 0
        self.sockets: list[WebSocketRoute] = []
        self.first: dict[str, Any] = hello()
        self.gone = False
        """Whether nobody answers."""
        self.held: dict[str, Any] | None = None
        """The `hello` of the picture that frozen screens hold."""

    def connect(self, socket: WebSocketRoute) -> None:
        if self.gone:
            socket.close()
            return
        self.sockets.append(socket)
        self.send(self.first)

    def die(self) -> None:
        """The connection ends, and there is none any more until `gone` is unset."""
        self.gone = True
        for socket in self.sockets:
            socket.close()
        self.sockets.clear()

    def send(self, message: dict[str, Any]) -> None:
        """Numbered, to every page that is connected."""
        self.seq += message["type"] == "frame"
        numbered = {**message, "seq": self.seq}
        if message.get("frame"):
            numbered["frame"] = {**message["frame"], "seq": self.seq}
        for socket in self.sockets:
            socket.send(json.dumps(numbered))

    def file(self, route: Route) -> None:
        """What the server would answer, to a page that only watches or to one with `control`."""
        path = re.sub(r"[?#].*", "", route.request.url.removeprefix(ORIGIN))
        if path == "/api/run":
            return route.fulfill(json={"control": self.control})
        if path == "/api/show":
            return route.fulfill(json=DESK)
        if path == "/api/run/held" and self.held:
            return route.fulfill(json=self.held)
        if path.startswith("/api/"):
            return route.fulfill(json={})
        if path == "/qr.svg":
            return route.fulfill(body=qr_svg(str(JOIN["url"])), content_type="image/svg+xml")
        if path == "/plotly.min.js" and not self.plotly:
            return route.fulfill(status=404)
        if path in PAGES or path.startswith("/joined/"):
            made = JOINED.page(PAGES[path]) if path in PAGES else JOINED.part(path.removeprefix("/joined/"))
            assert made is not None, f"{path} is no part of any page"
            return route.fulfill(body=made.plain, content_type=made.media_type)
        file = script_path() if path == "/plotly.min.js" else STATIC / path.removeprefix("/static/")
        if file is None or not file.is_file():
            return route.fulfill(status=404)
        return route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0] or "text/plain")


@contextmanager
def staged(
    browser: Browser,
    path: str = "/",
    *,
    first: dict[str, Any] | None = None,
    script: str = "",
    plotly: bool = False,
    control: bool = False,
    **options: Any,
) -> Iterator[tuple[Page, Stage]]:
    """A page and its stage; the page must not complain. `script` runs before the page's own.

    Without `plotly` the page's own axes stand, which it draws in a tenth of the time.
    """
    context = browser.new_context(**{"viewport": {"width": 1920, "height": 1080}, **options})
    page, stage, complaints = context.new_page(), Stage(plotly=plotly, control=control), list[str]()
    stage.first = first or stage.first
    page.add_init_script(script)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route(f"{ORIGIN}/**", stage.file)
    page.route_web_socket(re.compile(r"/ws"), stage.connect)
    try:
        page.goto(f"{ORIGIN}{path}")
        while path in STREAMED and not stage.sockets:
            page.wait_for_timeout(20)  # what is sent before would be lost
        yield page, stage
    finally:
        context.close()  # else the page of a test that failed goes on drawing, at the cost of all others
    assert complaints == [], complaints


def drawn(page: Page) -> None:
    """Until what was sent has been drawn and laid out."""
    page.evaluate(TWO_PICTURES)


def hello(
    arms: int = 2,
    digits: int = 3,
    *,
    state: str = "racing",
    show: dict[str, Any] | None = None,
    verdict: dict[str, Any] | None = None,
    **frame_keys: Any,
) -> dict[str, Any]:
    """A `hello` in the middle of a race of so many arms, whose figures have so many digits."""
    labels = "ABCDEF"[:arms]
    run_id = f"run-{arms}-{state}"
    run = {
        "id": run_id, "demo": "staged", "title": "Batch 1 against batch 8",
        "learn": "One read of the weights serves eight answers instead of one.", "model": "Qwen/Qwen2.5-1.5B-Instruct",
        "utc": "2026-11-21T09:30:12.120000Z", "seed": 7,
        "arms": [{"label": label, "name": NAMES[slot], "runtime": "simulated"} for slot, label in enumerate(labels)],
        "schedule": {"mode": "alternate", "round_seconds": 10, "rounds": 14 * arms, "order": [*labels, *labels[::-1]]},
        "device": "Simulated GPU", "power_source": "simulated", "simulated": {"power": True, "arms": True},
        "replay": None,
    }  # fmt: skip
    return {
        "type": "hello", "protocol": 1, "seq": 0, "t_ns": 61 * NS, "version": "0", "run": run,
        "descriptors": [], "sensor": sensor(), "history": history(labels), "show": show or Show().payload(),
        "frame": frame(arms, digits, state=state, run=run_id, verdict=verdict, **frame_keys),
    }  # fmt: skip


def idle(arms: int = 2, **keys: Any) -> dict[str, Any]:
    """A `hello` before any race: the demo that would run, and no run."""
    first = hello(arms, state="idle", **keys)
    blank = {"run": None, "run_t_ns": None, "age_ns": None, "arms": {}, "schedule": None, "verdict": None}
    return {**first, "run": None, "demo": first["run"], "history": None, "frame": {**first["frame"], **blank}}


def frame(
    arms: int = 2,
    digits: int = 3,
    *,
    state: str = "racing",
    run: str = "run",
    t_s: float = 61.0,
    verdict: dict[str, Any] | None = None,
    **keys: Any,
) -> dict[str, Any]:
    labels, first = "ABCDEF"[:arms], "A"
    return {
        "type": "frame", "seq": 0, "t_ns": round(t_s * NS), "run": run, "run_t_ns": round(t_s * NS), "state": state,
        "reason": "", "simulated": True, "replay": False, "age_ns": 12_000_000, "power": None,
        "temperature_celsius": 54.1,
        "arms": {
            label: arm(index, digits, active=label == first and state == "racing") for index, label in enumerate(labels)
        },
        "schedule": {"phase": state, "round": 5, "rounds": 14 * arms, "arm": first if state == "racing" else None,
                     "begun_t_ns": 55 * NS, "ends_t_ns": 65 * NS},
        "verdict": verdict if verdict is not None or arms == 1 else decided(),
        **keys,
    }  # fmt: skip


def arm(index: int, digits: int, *, active: bool) -> dict[str, Any]:
    """The figures of one arm; the first one is the dearest."""
    value = LARGE[digits - 1]
    joules = value / 1e3 * (1 - 0.13 * index)
    return {
        "state": "active" if active else "resting", "joules_per_token": joules, "tokens_per_second": value,
        "tokens": 12_345 * (index + 1), "power_watts": value, "energy_joules": joules * 12_345 * (index + 1),
        "rounds": 2, "running": 8 if active else 0, "waiting": 0,
        "steady_t_ns": [56 * NS, None] if active else [(20 + 5 * index) * NS, (30 + 5 * index) * NS],
        "reasons": ["simulated"], "reason": "", "prompt": "Why is the sky blue, and why is it red in the evening?",
        "text": "Numbers are the only language that is spoken everywhere. A pinch of salt makes sweet things taste "
                "sweeter. Paper was once made of rags, and paper made of rags lasts longer than other paper.",
    }  # fmt: skip


def decided() -> dict[str, Any]:
    return {
        "text": "B uses 84 % less energy per token (95 % CI 83.9–84.4)", "decided": True, "metric": "joules_per_token",
        "baseline": "A", "contender": "B", "ratio": 0.159, "low": 0.156, "high": 0.161, "confidence": 0.95, "rounds": 4,
    }  # fmt: skip


def history(labels: str) -> dict[str, Any]:
    """Half a minute of power: the second arm's turn, then the first one's."""
    times = [31.5 + 0.15 * step for step in range(200)]
    mean = [190 + 20 * ((step * 37) % 11) / 11 for step in range(200)]
    return {
        "t_ns": [round(t * NS) for t in times], "mean": mean, "min": [w - 12 for w in mean],
        "max": [w + 15 for w in mean],
        "arm": [None if 44 < t < 46 else labels[-1] if t < 44 else labels[0] for t in times],
    }  # fmt: skip


def sensor() -> dict[str, Any]:
    return {
        "stream": "gpu0", "source": "simulated", "achieved_hz": 99.9, "asked_hz": 100.0, "instant_per_second": 10.0,
        "counter_per_second": 10.0,
        "period_ms": {"power_instant": 100.1, "power_average": 100.1, "energy_counter": 100.0},
        "instant_window": {"ms": 25.0, "origin": "documented"},
        "disagreement_percent": {"instant": 0.6, "average": 0.02}, "window_seconds": 8.1, "valid": True,
        "reasons": ["simulated"],
        "sampler": {"cpu_percent": 0.9, "call_us_p50": 6.1, "late_us_p50": 62.0, "late_us_p99": 640.2},
    }  # fmt: skip
