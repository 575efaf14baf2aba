"""Puts a show on: which process tells the documents, where the page is, and who may control it."""

import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from engine.config import Demo, load_demo
from engine.errors import RecordingError
from engine.plan import make_plan, scratch_folder
from engine.recording import Reader
from server.app import Stage
from server.presenter.programme import Programme
from server.serving import Address, serve
from server.settings import Settings, from_environment
from server.stageinfo import DemoInfo, ReplayInfo

_SELF = (sys.executable, "-P", "-m", "server.cli")


def serve_demo(
    name: str | None,
    *,
    host: str,
    port: int,
    open_browser: bool,
    autostart: bool,
    debug: bool,
    race_flags: Sequence[str],
    planned: Callable[[Demo], Demo],
) -> None:
    """Serve the demo `name` (a file too), racing it in a child process whenever told to, until Ctrl-C.

    `race_flags` are for `wattrace run`; `planned` is what they make of a demo, which the page announces. Raises
    ConfigError, DemoNotFound or PortInUse before anything starts.
    """
    short, demo = load_demo(name)

    programme = Programme(
        name,
        planned=planned,
        simulates=lambda its, demo: _will_simulate(its, demo, race_flags)[0],
        doctor=lambda its: [*_SELF, "doctor", its, "--json", *(["--simulate"] if "--simulate" in race_flags else [])],
    )

    def command(wanted: str | None) -> list[str]:
        chosen = programme.argument(wanted)
        load_demo(chosen)
        return [*_SELF, "run", chosen, "--stream", "--fall-back", *race_flags]

    simulated, why = _will_simulate(short, demo, race_flags)
    if why:
        print(f"wattrace: {why}\n", file=sys.stderr)
    info = DemoInfo.of(short, planned(demo), simulated=simulated)
    stage = Stage(_settings(host, port), command, demo=info, programme=programme, autostart=autostart, debug=debug)
    folder = stage.settings.data_folder / "recordings"
    before = set(folder.glob("*.jsonl"))
    serve(stage, ready=lambda address: _announce(address, what=demo.title, open_browser=open_browser))
    for file in sorted(set(folder.glob("*.jsonl")) - before):
        print(f"recording: {file}")


def serve_replay(file: Path, *, host: str, port: int, open_browser: bool, debug: bool, speed: float) -> None:
    """Serve the recording `file` at `speed` until Ctrl-C. Raises RecordingError or PortInUse first."""
    reader = Reader(file)
    if next(iter(reader), None) is None:
        raise RecordingError(file, "holds no documents")

    def command(_: str | None) -> list[str]:
        return [*_SELF, "replay", str(file), "--stream", "--speed", f"{speed:g}"]

    replay = ReplayInfo(file.name, speed)
    stage = Stage(_settings(host, port), command, replay=replay, recording=file, autostart=True, debug=debug)
    serve(stage, ready=lambda address: _announce(address, what=f"replay of {file.name}", open_browser=open_browser))


def _will_simulate(name: str, demo: Demo, race_flags: Sequence[str]) -> tuple[bool, str]:
    """Whether a race would run simulated here, and what is missing if it falls back to that.

    The same plan that the race will make, so that the page carries the badge before anything has started.
    """
    with scratch_folder() as folder:
        plan = make_plan(
            name,
            demo,
            folder=Path(folder),
            simulate="--simulate" in race_flags,
            power="simulated" if "simulated" in race_flags else "auto",
            fall_back=True,
        )
    return plan.power == "simulated", " ".join(plan.notes)


def _settings(host: str, port: int) -> Settings:
    return replace(from_environment(os.environ), host=host, port=port)


def _announce(address: Address, *, what: str, open_browser: bool) -> None:
    """Say where the show is; the ticket goes to the terminal and the speaker's browser only."""
    print(f"wattrace: {what}\n")
    print(f"  watch     {address.url}")
    print(f"  control   {address.login_url}   (works once, in one browser)")
    for url in address.phone_urls:
        print(f"  phone     {url}   (the console; one of these works, once)")
    print(f"  console   {address.url}present\n")
    if address.phone_urls and sys.stdout.isatty():
        import segno

        print("The console, for the camera of the speaker's phone:")
        segno.make(address.phone_urls[0], error="l", micro=False).terminal(compact=True)
    print("Ctrl-C ends it.", flush=True)
    if open_browser and _has_display():
        # A browser may take seconds to come up, and the frames must not wait for it.
        threading.Thread(target=webbrowser.open, args=(address.login_url,), daemon=True).start()


def _has_display() -> bool:
    """Without one, `webbrowser` would start a text browser in the terminal that shows the address."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
