"""The programme: the demos that this server can show, which of them is next, and what the speaker wants to say."""

from collections.abc import Callable, Sequence
from typing import Any

from engine.config import Demo, demo_names, load_demo
from engine.errors import ConfigError, DemoNotFound
from server.runinfo import clipped
from server.stageinfo import DemoInfo

Simulates = Callable[[str, Demo], bool]
"""Whether the demo of this name would run simulated here; may take a second."""


class Programme:
    """The shipped demos, and the one (a file, maybe) that the server was started with, which is first.

    `planned` makes of a demo what would be raced, as the race's flags want it; `doctor` makes the argv that checks a
    demo, given what `wattrace` calls it.
    """

    def __init__(
        self,
        given: str | None,
        *,
        planned: Callable[[Demo], Demo],
        simulates: Simulates,
        doctor: Callable[[str], Sequence[str]],
    ) -> None:
        short, _ = load_demo(given)
        self._arguments = {short: given or short, **{name: name for name in demo_names() if name != short}}
        self._planned, self._simulates, self._doctor = planned, simulates, doctor
        self.picked = short

    def argument(self, name: str | None = None) -> str:
        """What `wattrace` calls the demo `name` (None: the one that is next), which need not be in the programme."""
        name = name or self.picked
        return self._arguments.get(name, name)

    def doctor(self, name: str | None = None) -> Sequence[str]:
        """The argv of a process that checks the demo. Raises DemoNotFound."""
        return self._doctor(self._known(name or self.picked))

    def pick(self, name: str) -> DemoInfo:
        """That one is next. Raises DemoNotFound for one that is not in the programme, ConfigError for a broken file."""
        short, demo = load_demo(self._known(name))
        simulated = self._simulates(short, demo)
        info = DemoInfo.of(short, self._planned(demo), simulated=simulated)
        self.picked = name
        return info

    def entries(self) -> list[dict[str, Any]]:
        """All that can be picked, by name; a file that has become wrong is left out."""
        found = []
        for name, argument in self._arguments.items():
            try:
                _, demo = load_demo(argument)
            except ConfigError:
                continue
            found.append({"name": name, "title": clipped(demo.title), "learn": clipped(demo.learn)})
        return found

    def script(self, name: str) -> dict[str, Any]:
        """The speaker's notes and steps for the demo `name`; nothing for one that is not in the programme."""
        try:
            _, demo = load_demo(self._known(name))
        except ConfigError:
            return {"notes": "", "steps": []}
        return {"notes": demo.notes, "steps": demo.steps}

    def _known(self, name: str) -> str:
        """Only what is in the programme: a name from a browser must not open any file of this machine."""
        if name not in self._arguments:
            raise DemoNotFound(name, known=list(self._arguments))
        return self._arguments[name]
