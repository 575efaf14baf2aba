"""A real demo process and a real browser for the tests that see what a hall would see."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from integration.processes import living, marked_environment, wait_until
from playwright.sync_api import Browser, Page, Playwright

ROOT = Path(__file__).parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DEMO = """
title: Batch 1 against batch 8
learn: One read of the weights serves eight answers instead of one.
model: {gpu: Qwen/Qwen2.5-1.5B-Instruct}
workload: {max_tokens: 64, concurrency: 8}
schedule: {round_seconds: 3, rounds: 40, baseline_seconds: 0.5}
arms:
  - {name: batch 1, runtime: simulated, args: {max_num_seqs: 1}}
  - {name: batch 8, runtime: simulated, args: {max_num_seqs: 8}}
"""


def chromium() -> str | None:
    """The system's Chromium, if there is one; rather that without a window, as `browser` in the Makefile says why."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = (shutil.which(name) for name in names)
    return next((path for path in found if path), None)


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The system's browser, headless; the tests that need it skip where there is none."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium on this machine, and none could be installed")
    browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
    yield browser
    browser.close()


class Show:
    """A `wattrace` process that serves; `url` watches, `login_url` controls."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.mark, environment = marked_environment(
            XDG_DATA_HOME=str(folder / "data"), XDG_CACHE_HOME=str(folder / "cache")
        )
        command = [str(Path(sys.executable).with_name("wattrace")), *arguments, "--no-browser", "--port", "0"]
        self.output = (folder / "output").open("w+b")
        self.process = subprocess.Popen(command, env=environment, stdout=self.output, stderr=subprocess.STDOUT)
        self.url = self.login_url = ""
        try:
            wait_until(self._announced, what="the server has said where it is")
        except AssertionError:
            self.process.terminate()  # nobody else would
            raise

    def _announced(self) -> bool:
        text = Path(self.output.name).read_text()
        watch = re.search(r"watch\s+(\S+)", text)
        control = re.search(r"control\s+(\S+)", text)
        if watch and control:
            self.url, self.login_url = watch[1], control[1]
        assert self.process.poll() is None, text
        return bool(self.url)

    def end(self) -> str:
        """End it as Ctrl-C does; what it printed."""
        self.process.terminate()
        self.process.wait(10)
        wait_until(lambda: not living(self.mark), what="everything that the show started has ended")
        self.output.seek(0)
        text = self.output.read().decode()
        self.output.close()
        return text


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo of short turns, so that a test sees several of them."""
    file = tmp_path_factory.mktemp("demo") / "short.yaml"
    file.write_text(DEMO)
    return file


@pytest.fixture(scope="module")
def race(tmp_path_factory: pytest.TempPathFactory, demo_file: Path) -> Iterator[Show]:
    """One simulated race that runs for as long as a file's tests do, and takes no core from those of the next."""
    show = Show(tmp_path_factory.mktemp("race"), "demo", str(demo_file), "--autostart", "--rounds", "2000")
    yield show
    text = show.end()
    assert "Traceback" not in text, text


@contextmanager
def viewer(browser: Browser, url: str, *, width: int = 1920, height: int = 1080, **options: object) -> Iterator[Page]:
    """A page of its own, which must not complain nor ask any other host for anything."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    origin = re.match(r"https?://[^/]+", url)
    assert origin is not None
    allowed = (origin[0], origin[0].replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(allowed) else complaints.append(request.url))
    try:
        page.goto(url)
        yield page
    finally:
        context.close()  # else the page of a test that failed goes on drawing, at the cost of all others
    assert complaints == []


def keep_screenshot(page: Page, name: str) -> None:
    """Keep what is seen as an artefact of the test run."""
    folder = ROOT / "artifacts"
    folder.mkdir(exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def _wattrace(folder: Path, *arguments: str) -> str:
    _, environment = marked_environment(XDG_DATA_HOME=str(folder / "data"))
    command = [str(Path(sys.executable).with_name("wattrace")), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=100).stdout


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, demo_file: Path) -> Path:
    """The recording of a short race."""
    folder = tmp_path_factory.mktemp("recorded")
    out = folder / "race.jsonl"
    _wattrace(folder, "run", str(demo_file), "--rounds", "4", "--round-seconds", "1.5", "--out", str(out))
    return out


@pytest.fixture
def compared(tmp_path: Path) -> Callable[[Path], dict[str, Any]]:
    """What `wattrace compare --json` says of a recording."""
    return lambda path: json.loads(_wattrace(tmp_path, "compare", str(path), "--json"))
