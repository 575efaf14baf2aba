"""The bet beside the race: which run it is about, when guessing is over, and what was measured."""

from typing import Any

from server.audience.bet import Bet, State, WrongStep
from server.audience.saving import saving, subject
from server.hub import Hub

OVER = frozenset({"idle", "done", "failed", "aborted"})
"""States in which nothing is being measured."""


class Betting:
    """A bet on the run on stage, or on the next one where this one has told its figures already."""

    def __init__(self, hub: Hub) -> None:
        self.bet = Bet(changed=hub.show.changed)
        self._hub = hub
        self._not_on: str | None = None
        """The run that was told when the bet was opened, which it is therefore not about."""

    def become(self, state: State) -> None:
        """What the presenter wants. Raises WrongStep with a sentence."""
        self.follow()
        match state:
            case "open":
                self._open()
            case "closed":
                self.bet.close()
            case "revealed":
                self._reveal()
            case "off":
                self.bet.end()

    def follow(self) -> None:
        """Close the bet when the race tells its answer; keep a revealed answer up with a race that goes on."""
        if self.bet.state == "open" and self._is_on_stage() and self._is_told():
            self.bet.close()
        shown, run = self.bet.answer, self._hub.run_id
        if self.bet.state == "revealed" and shown is not None and shown.joules is not None and shown.run == run:
            found = saving(self._hub.scene.ledger, simulated=shown.simulated, replay=shown.replay)
            if found.joules is not None:
                self.bet.settle(found)

    def payload(self) -> dict[str, Any] | None:
        """What the stream has of it."""
        self.follow()
        return self.bet.payload()

    def listed(self) -> list[dict[str, Any]]:
        """Guesses to look through, also before the answer is told: first those that it would name as things are now."""
        if self.bet.state == "revealed":
            return self.bet.listed(self.bet.answer.joules if self.bet.answer else None)
        found = saving(self._hub.scene.ledger, simulated=False, replay=False) if self._is_on_stage() else None
        return self.bet.listed(found.joules if found else None)

    def _open(self) -> None:
        scene = self._hub.scene
        info: dict[str, Any] = scene.run_info() or scene.demo_info() or {}
        asked = subject(scene.ledger, list(info.get("arms", ())))
        if asked is None:
            raise WrongStep("there is no demo with two arms on stage, so there is nothing to bet on")
        told = self._hub.run_id is not None and (scene.state in OVER or self._is_told())
        if self.bet.state not in {"open", "closed"}:
            self._not_on = self._hub.run_id if told else None
        elif told and self._is_on_stage():
            raise WrongStep("this race has shown its figures, so nobody can guess any more")
        self.bet.open(asked)

    def _reveal(self) -> None:
        scene = self._hub.scene
        if not self._is_on_stage():
            raise WrongStep("the bet is about the next race, which has not begun")
        found = saving(scene.ledger, simulated=scene.simulated, replay=scene.replay is not None)
        if found.joules is None and scene.state not in OVER:
            raise WrongStep(f"{found.why}; wait for that, or stop the race")
        self.bet.reveal(found)

    def _is_on_stage(self) -> bool:
        """Whether the run on stage is the one that was bet on."""
        return self._hub.run_id is not None and self._hub.run_id != self._not_on

    def _is_told(self) -> bool:
        """Whether the screens show what is to be guessed: every arm's energy, by its first round's figures; where there
        is no energy, a verdict."""
        ledger = self._hub.scene.ledger
        if len(ledger.arms) < 2:
            return False
        figures = map(ledger.figures, ledger.arms)
        return all(each.joules_per_unit is not None for each in figures) or bool(ledger.verdicts(ledger.metric()))
