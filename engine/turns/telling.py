"""The marks of a round: where it begins and ends."""

from dataclasses import dataclass

from pydantic import JsonValue

from engine.documents import Mark, MarkKind
from engine.loadgen import RoundLoad
from engine.narrator import Narrator
from engine.schedule import Turn
from engine.turns.entrant import Entrant


@dataclass(frozen=True)
class RoundTold:
    """One turn as its marks have it; `cutoff_ns` is the planned end, None where answers decide."""

    turn: Turn
    begun_ns: int
    cutoff_ns: int | None
    slots: int
    concurrency: int
    requests: int | None

    def begin(self, narrator: Narrator) -> None:
        """Tell that the round begins."""
        data: dict[str, JsonValue] = {
            "slots": self.slots,
            "concurrency": self.concurrency,
            "ends_t_ns": self.cutoff_ns,
            "requests": self.requests,
            "block": self.turn.block,
        }
        arm, number = self.turn.arm, self.turn.number
        narrator.emit(Mark(kind=MarkKind.ROUND_BEGIN, t_ns=self.begun_ns, arm=arm, round=number, data=data))

    def end(self, narrator: Narrator, load: RoundLoad | None, reason: str | None) -> None:
        """Tell that the round is over and drained, and why before its time, if so."""
        drained_ns = narrator.clock.now_ns()
        data: dict[str, JsonValue] = {"complete": reason is None, **({"reason": reason} if reason else {})}
        narrator.emit(
            Mark(
                kind=MarkKind.ROUND_END,
                t_ns=max(self.begun_ns, min(self._ended_ns(load, drained_ns), drained_ns)),
                end_t_ns=drained_ns,
                arm=self.turn.arm,
                round=self.turn.number,
                data=data,
            )
        )

    def _ended_ns(self, load: RoundLoad | None, drained_ns: int) -> int:
        """When the arm's slots were no longer kept full."""
        if load is None:
            return drained_ns if self.cutoff_ns is None else self.cutoff_ns
        if self.requests is not None:
            return load.full_until_ns(self.slots)
        return load.cutoff_ns or self.cutoff_ns or drained_ns


def round_told(
    turn: Turn, entrant: Entrant, *, begun_ns: int, cutoff_ns: int | None, requests: int | None
) -> RoundTold:
    """The marks of `turn` of `entrant`; a command counts as one client with one slot."""
    concurrency = entrant.concurrency or 1
    slots = min(n for n in (entrant.slots, concurrency, requests) if n is not None)
    return RoundTold(turn, begun_ns, cutoff_ns, slots, concurrency, requests)
