"""A small recorded race in which all that people and models can name is an attack on whatever shows it."""

from pathlib import Path

from story import story

from engine.documents import Document, Mark, MarkKind, Page, Start, encode

SCRIPT = "</script><img src=x onerror=alert(1)><!--<script>alert(2)//"
BREAKOUT = "\"'><svg onload=alert(3)> </style> $x^2$ `rm` | **b** \u202e\x00\x1b[31m"


def evil(rounds: str = "ABBA", *, stop: bool = True) -> list[Document]:
    """The race of `story`, with such titles, names, answers and warnings."""
    told: list[Document] = []
    for document in story(rounds=rounds, stop=stop):
        match document:
            case Start():
                demo = {**document.demo, "title": SCRIPT, "learn": BREAKOUT}
                arms = [arm.model_copy(update={"name": BREAKOUT + arm.name}) for arm in document.arms]
                provenance = {"host": {"name": SCRIPT, "cpu": BREAKOUT}, "model": {"id": SCRIPT}}
                told.append(document.model_copy(update={"demo": demo, "arms": arms, "provenance": provenance}))
                told.append(Mark(kind=MarkKind.WARNING, t_ns=0, text=SCRIPT))
            case Page() if "text" in document.data:
                told.append(
                    document.model_copy(update={"data": {**document.data, "text": [SCRIPT] * len(document.t_ns)}})
                )
            case _:
                told.append(document)
    return told


def recorded(folder: Path, documents: list[Document], name: str = "race.jsonl") -> Path:
    """The documents as a recording."""
    path = folder / name
    path.write_bytes(b"".join(encode(document) for document in documents))
    return path
