"""A command's lines, read as progress. Pure: lines in, units out."""

import math
import re
from collections.abc import Sequence

import orjson

from engine.config import Progress

SHOWN_CHARACTERS = 200


class ProgressReader:
    """Reads the lines of one command from its start on."""

    def __init__(self, progress: Progress) -> None:
        self._key = progress.json_key
        self._pattern = re.compile(progress.pattern) if progress.pattern is not None else None
        self._adds = self._pattern is not None and "more" in self._pattern.groupindex
        self.done = 0.0
        """Units so far."""

    def read(self, lines: Sequence[bytes]) -> tuple[float, str] | None:
        """Units done since the lines before, and the last line that told so; None when none of `lines` tells.

        A count that falls (the program has begun again) is where it counts from now on.
        """
        if self._adds:
            return self._sum(lines)
        # The newest count holds all that came before it: a flood of lines costs no more than one of them.
        for line in reversed(lines):
            done = self._value(line, "done")
            if done is not None:
                units, self.done = max(0.0, done - self.done), done
                return units, _shown(line)
        return None

    def _sum(self, lines: Sequence[bytes]) -> tuple[float, str] | None:
        told = [(value, line) for line in lines if (value := self._value(line, "more")) is not None]
        if not told:
            return None
        units = sum(max(0.0, value) for value, _ in told)
        self.done += units
        return units, _shown(told[-1][1])

    def _value(self, line: bytes, group: str) -> float | None:
        if self._key is not None:
            return _number(_json_value(line, self._key))
        assert self._pattern is not None
        found = self._pattern.search(line.decode(errors="replace"))
        return _number(found[group]) if found else None


def _json_value(line: bytes, key: str) -> object:
    """What `line` has at `key`; None when it is no JSON object, or has no such key."""
    start = line.find(b"{")
    if start < 0:
        return None
    try:
        fields = orjson.loads(line[start:])
    except orjson.JSONDecodeError:
        return None
    return fields.get(key) if isinstance(fields, dict) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _shown(line: bytes) -> str:
    """A line as the screen shows it: one line of text, whatever was in it."""
    text = line.decode(errors="replace").strip()
    return "".join(c if c.isprintable() else "�" for c in text[:SHOWN_CHARACTERS])
