"""Recordings as accidents and vandals leave them: the tests and the bench read the same ones."""

import json
import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HUGE = (2**63 - 1, -(2**63), 2**64, 10**400, 1e308, -1e308, 5e-324, -1, 0, 1 << 53)
STRANGE = (None, True, "", "gpu0", [], {}, [[1]], {"a": 1}, "\u0000", 1.5)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """`content` changed in one way out of many, sometimes in two; what comes of it may be as good as it was."""
    for _ in range(chance.choice((1, 1, 2))):
        content = chance.choice((_flipped, _cut, _without, _doubled, _swapped, _typed, _typed, _nested, _renamed))(
            content, chance
        )
    return content


def mutated_packed(content: bytes, chance: random.Random) -> bytes:
    """A packed recording, changed as bytes only: what is in it has checksums."""
    for _ in range(chance.choice((1, 1, 3))):
        content = chance.choice((_flipped, _cut, _without, _doubled))(content, chance)
    return content


def _flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 8))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _without(content: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(content) + 1)
    return content[:begin] + content[begin + chance.randrange(1, 5000) :]


def _doubled(content: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(content) + 1)
    part = content[begin : begin + chance.randrange(1, 5000)]
    return content[:begin] + part + part + content[begin + len(part) :]


def _swapped(content: bytes, chance: random.Random) -> bytes:
    lines = content.split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _typed(content: bytes, chance: random.Random) -> bytes:
    """Another value in one place of one document."""
    return _rewritten(content, chance, lambda value: chance.choice((*HUGE, *STRANGE)))


def _nested(content: bytes, chance: random.Random) -> bytes:
    depth = chance.choice((3, 200, 900, 2000))
    lines = content.split(b"\n")
    at = chance.randrange(len(lines))
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    deep = deep if chance.random() < 0.5 else b"[" * depth + b"]" * depth
    lines[at] = lines[at].replace(b'"data":{', b'"data":{"deep":' + deep + b",", 1)
    return b"\n".join(lines)


def _renamed(content: bytes, chance: random.Random) -> bytes:
    """Another word for a name that documents have."""
    names = (b'"t_ns"', b'"type"', b'"stream"', b'"data"', b'"kind"', b'"energy_joules"', b'"arm"', b'"gpu0"', b'"A"')
    at = content.find(name := chance.choice(names), chance.randrange(len(content) + 1))
    word = chance.choice((b'"t_ns1"', b'"page"', b'"nobody"', b'""', b'"B"', b'"end_t_ns"'))
    return content if at < 0 else content[:at] + word + content[at + len(name) :]


def _rewritten(content: bytes, chance: random.Random, change: Any) -> bytes:
    lines = content.split(b"\n")
    at = chance.randrange(len(lines))
    try:
        document = json.loads(lines[at])
    except ValueError:
        return content
    place: Any = document
    while isinstance(place, dict | list) and place:
        key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
        if not isinstance(place[key], dict | list) or not place[key] or chance.random() < 0.2:
            place[key] = change(place[key])
            break
        place = place[key]
    lines[at] = json.dumps(document, separators=(",", ":")).encode()
    return b"\n".join(lines)


@dataclass(frozen=True)
class Good:
    """What a good recording tells. `sealed`: whoever opens it is told of any change; else only a check may find it."""

    figures: bytes
    rows: dict[str, int]
    sealed: bool

    @classmethod
    def of(cls, path: Path) -> "Good":
        """Of the good recording in `path`."""
        import engine.recording

        race, report = engine.recording.open(path), engine.recording.check(path)
        rows = {name: facts.rows for name, facts in report.streams.items()}
        return cls(_figures(race.summary()), rows, report.sealed)


def _figures(summary: dict[str, Any]) -> bytes:
    import orjson

    return orjson.dumps([summary["arms"], summary["verdicts"]])


def unsealed(content: bytes) -> bytes:
    """The recording without its digest."""
    return re.sub(rb',"digest":"sha256:[0-9a-f]{64}"', b"", content)


def outcome_of(path: Path, good: Good, *, exports: bool = True) -> str:
    """Read the recording in every way, and say how it was met.

    "refused": a documented error. "flagged": it was read, and the reader was told that it is not as it was. "same": it
    was read as if it were good, and tells what the good one does. Anything else is a fault, and raises.
    """
    import engine.recording
    from engine.errors import RecordingError

    if exports:
        _export(path)
    try:
        recording = engine.recording.open(path)
        told = _figures(recording.summary())
        flagged = recording.cut_off is not None
        for name in recording.descriptors:
            recording.stream(name)
        recording.requests()
        for _ in recording.documents(from_ns=2 * 10**9, to_ns=3 * 10**9):
            pass
        report = engine.recording.check(path)
    except RecordingError as error:
        assert str(error)
        return "refused"
    if flagged or report.verdict != "good":
        both = flagged and report.verdict != "good"
        assert both or not good.sealed, f"only one of two is told: {recording.cut_off}, {report.verdict}"
        return "flagged"
    assert told == good.figures, "other figures, and no word about it"
    assert {name: facts.rows for name, facts in report.streams.items()} == good.rows, "other rows, and no word about it"
    return "same"


def _export(path: Path) -> None:
    """Export it as tables; a documented error leaves nothing behind."""
    from engine.errors import ExportError, RecordingError
    from engine.export import export

    for form in ("parquet", "csv"):
        out = path.with_name(f"{path.name}.{form}")
        try:
            export([path], form, out)
            shutil.rmtree(out)
        except (RecordingError, ExportError) as error:
            assert str(error) and not out.exists()
