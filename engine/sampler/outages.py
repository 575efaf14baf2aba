"""A device that answers with errors for a while: told when it begins and when it ends, and never a flood."""

from collections.abc import Iterator

from pydantic import JsonValue

from engine.clock import NS
from engine.documents import Mark, MarkKind

CALM_NS = NS


class Outages:
    """Watches one device's `failure`; `name` is what marks call it, `data` what they all carry.

    A device that fails and recovers within a second is told as one outage, and no change is told later than
    a second after it happened.
    """

    def __init__(self, name: str, data: dict[str, JsonValue]) -> None:
        self._name, self._data = name, data
        self._told_ns: int | None = None
        self._begun: tuple[int, str] | None = None
        self._ended_ns: int | None = None
        self._told = False

    @property
    def open(self) -> bool:
        """Whether anything is left to watch or to tell."""
        return self._begun is not None

    def see(self, failure: str | None, t_ns: int) -> None:
        """The reading at `t_ns` failed for this reason, or did not."""
        if failure is None:
            if self._begun is not None and self._ended_ns is None:
                self._ended_ns = t_ns
            return
        self._ended_ns = None
        if self._begun is None:
            self._begun = t_ns, failure

    def marks(self, now_ns: int, *, last: bool = False) -> Iterator[Mark]:
        """What is to be told now; with `last` everything that is known, since there is no later."""
        if self._begun is None:
            return
        if not self._told and self._may(now_ns, last):
            self._told, self._told_ns = True, now_ns
            yield self._begin(*self._begun)
        if self._told and self._ended_ns is not None and self._may(now_ns, last):
            yield self._end(self._begun[0], self._ended_ns)
            self._told, self._told_ns = False, now_ns
            self._begun = self._ended_ns = None

    def _may(self, now_ns: int, last: bool) -> bool:
        return last or self._told_ns is None or now_ns - self._told_ns >= CALM_NS

    def _begin(self, t_ns: int, failure: str) -> Mark:
        text = f"{self._name} does not answer: {failure}; its readings are missing until it does"
        return Mark(kind=MarkKind.WARNING, t_ns=t_ns, text=text, data={**self._data, "outage": "begin"})

    def _end(self, begun_ns: int, t_ns: int) -> Mark:
        text = f"{self._name} answers again, after {(t_ns - begun_ns) / NS:.2f} s"
        data = {**self._data, "outage": "end", "since_t_ns": begun_ns}
        return Mark(kind=MarkKind.NOTE, t_ns=t_ns, text=text, data=data)
