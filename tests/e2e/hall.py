"""What the presenter may have turned on for the hall, as the stream has it: way in, bet, and the hall's questions."""

from typing import Any

from server.show import Show

JOIN = {"url": "http://192.168.178.123:8765/view", "short": "192.168.178.123:8765/view", "shown": True}
HISTOGRAM = {"edges": [-1e6 + n * 2e5 for n in range(11)], "counts": [0, 3, 9, 20, 41, 30, 12, 5, 1, 2], "below": 1,
             "above": 2}  # fmt: skip
BET = {
    "question": "How many joules does the best arm save against A, per 1\u202f000 tokens?", "unit": "J",
    "per": "1\u202f000 tokens", "contender": "B", "baseline": "A", "guesses": 1234, "histogram": HISTOGRAM,
    "answer": None, "low": None, "high": None, "why": "", "simulated": True, "replay": True, "closest": [],
}  # fmt: skip
TOLD = {"answer": -123456.0, "low": -234567.0, "high": 99999.0,
        "closest": [{"id": n, "nickname": "W" * 20, "guess": -999999.0} for n in range(3)]}  # fmt: skip
LOAD = {"open": True, "prompts": ["Why is the sky blue, and sunsets red?", "W" * 90, "Why?"] * 2, "sent": 1999,
        "running": 64, "most": 64, "waiting": 3, "answered": 1900}  # fmt: skip
OPEN, CLOSED, REVEALED = ({**BET, "state": "open"}, {**BET, "state": "closed"}, {**BET, **TOLD, "state": "revealed"})


def show(**parts: Any) -> dict[str, Any]:
    """The show with these parts set, all others as when nothing has been set."""
    return {**Show().payload(), **parts}
