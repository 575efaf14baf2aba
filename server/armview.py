"""What a frame says of one arm. Pure."""

from typing import Any

from engine.books import ArmBooks, attributable
from engine.ledger import Ledger
from server.following import Follower

_LAST_WORDS = 3
_UNKNOWN = ("joules_per_token", "power_watts", "tokens_per_second", "energy_joules")


def arm_view(ledger: Ledger, label: str, run_ns: int, follower: Follower) -> dict[str, Any]:
    """The figures of arm `label` at `run_ns`, with what it is saying."""
    books, figures = ledger.arms[label], ledger.figures(label)
    watts, speed = ledger.live(label, run_ns)
    return {
        "state": books.state,
        **_work(books.info.unit, figures.units, figures.joules_per_unit, speed),
        "power_watts": rounded(watts, 2),
        "energy_joules": rounded(figures.energy_joules, 3),
        "rounds": figures.rounds,
        **_batch(books),
        **_steady(ledger.steady(label)),
        **({} if books.waiting is None else {"waiting": books.waiting}),
        **({"stage": books.stage} if books.stage else {}),
        **({} if books.progress is None else {"progress": rounded(books.progress, 2)}),
        **({} if attributable(figures.reasons) else {"attributable": False}),
        "reasons": figures.reasons,
        "reason": books.reason[:300],
        **({"last_words": [_plain(line) for line in books.last_words[-_LAST_WORDS:]]} if books.last_words else {}),
        "prompt": follower.prompt,
        "text": follower.text,
    }


def _plain(line: str) -> str:
    """A line of a log as a screen may show it."""
    return "".join(c if c.isprintable() else " " for c in line[:200])


def _batch(books: ArmBooks) -> dict[str, Any]:
    """Requests computed at once: by the server's own count, else as its clients see it, and then said so."""
    if books.computing is not None:
        return {"running": books.computing}
    running = books.running
    return {"running": running, **({"running_by": "clients"} if running else {})}


def _steady(window: tuple[int, int | None] | None) -> dict[str, Any]:
    return {"steady_t_ns": list(window)} if window else {}


def _work(unit: str, units: float, joules_per_unit: float | None, units_per_second: float | None) -> dict[str, Any]:
    joules, speed = rounded(joules_per_unit, 6), rounded(units_per_second, 2)
    if unit == "token":
        return {"joules_per_token": joules, "tokens_per_second": speed, "tokens": round(units)}
    return {
        "joules_per_token": None,
        "tokens_per_second": None,
        "tokens": 0,
        "unit": unit,
        "joules_per_unit": joules,
        "units_per_second": speed,
        "units": rounded(units, 3),
    }


def pending(simulated: bool) -> dict[str, Any]:
    """An arm of a race that has not begun."""
    return {
        "state": "pending",
        **dict.fromkeys(_UNKNOWN),
        "tokens": 0,
        "rounds": 0,
        "running": 0,
        "reasons": ["simulated"] if simulated else [],
        "reason": "",
        "prompt": "",
        "text": "",
    }


def rounded(value: float | None, digits: int) -> float | None:
    """`value` with so many digits behind the point; unknown stays unknown."""
    return None if value is None else round(value, digits)
