"""The bet: what each phone guesses, who was closest, and when guesses are taken. Pure; bounded, however many come."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.errors import WattraceError
from server.audience.histogram import histogram
from server.audience.nicknames import nickname

State = Literal["off", "open", "closed", "revealed"]

MOST_GUESSES = 2000
"""Where there are more, the address that has entered the most of them gives one up for each that comes."""
MOST_JOULES = 1e6
CLOSEST = 3
_LISTED = 100
"""So many guesses the presenter gets to see at once."""
_LOOKED_AT = 10
"""So many of them are the nearest: when a name is taken off the screens, the next comes up."""


class NotOpen(WattraceError):
    """No guesses are taken now."""

    def __str__(self) -> str:
        return "no guesses are taken now"


class BadGuess(WattraceError):
    """It is not a guess."""


class WrongStep(WattraceError):
    """A bet cannot go from where it is to where it was told to go."""


@dataclass(frozen=True)
class Subject:
    """What is asked: how many joules `contender` (None: the best arm) saves per `per`, against `baseline`."""

    baseline: str
    contender: str | None
    per: str = "1\u202f000 tokens"
    """With the narrow space that numbers have on the screens."""

    @property
    def question(self) -> str:
        """One sentence for the hall."""
        return f"How many joules does {self.contender or 'the best arm'} save against {self.baseline}, per {self.per}?"


@dataclass(frozen=True)
class Answer:
    """What was measured: `joules` saved (below zero: spent), between `low` and `high`; None with a reason `why`."""

    joules: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""
    simulated: bool = False
    replay: bool = False
    run: str | None = None


@dataclass(frozen=True)
class Guess:
    """One phone's guess; `id` is what the presenter names it by, `place` where it stands among equals.

    `address` is where it came from: a network address, empty where that says nothing.
    """

    id: int
    nickname: str
    joules: float
    place: int
    address: str = ""


@dataclass
class Bet:
    """Guesses of phones, each known by a key that is told to nobody. `changed` hears of what the presenter does."""

    changed: Callable[[], None] = lambda: None
    state: State = "off"
    subject: Subject | None = None
    answer: Answer | None = None
    _guesses: dict[str, Guess] = field(default_factory=dict)
    _barred: set[str] = field(default_factory=set)
    _numbers: int = 0
    _places: int = 0
    _drawn: dict[str, Any] | None = None

    # -- the presenter's

    def open(self, subject: Subject) -> None:
        """Take guesses: anew, or again after closing."""
        if self.state in {"off", "revealed"}:
            self._clear()
            self.subject = subject
        self._become("open")

    def close(self) -> None:
        """Take no more. Raises WrongStep when none were taken."""
        if self.state != "open":
            raise WrongStep(f"the bet is {self.state}, so it cannot be closed")
        self._become("closed")

    def reveal(self, answer: Answer) -> None:
        """Tell what was measured. Raises WrongStep before anything was asked."""
        if self.state == "off":
            raise WrongStep("there is no bet whose answer could be revealed")
        self.answer = answer
        self._become("revealed")

    def settle(self, answer: Answer) -> None:
        """The measured answer has become better known."""
        if self.state == "revealed" and answer != self.answer:
            self.answer, self._drawn = answer, None

    def end(self) -> None:
        """No bet."""
        self._clear()
        self._become("off")

    def remove(self, id: int) -> bool:
        """Take one guess out and its phone with it, for this bet. False where there is none of that number."""
        phone = next((phone for phone, guess in self._guesses.items() if guess.id == id), None)
        if phone is None:
            return False
        del self._guesses[phone]
        self._barred.add(phone)
        self._drawn = None
        self.changed()
        return True

    def listed(self, joules: float | None) -> list[dict[str, Any]]:
        """Guesses for the presenter to look through: those nearest to `joules`, which the hall would see named, and the
        newest others."""
        newest = sorted(self._guesses.values(), key=lambda guess: -guess.place)
        nearest = [] if joules is None else self._nearest(joules)[:_LOOKED_AT]
        shown = {guess.id: guess for guess in (*nearest, *newest)}
        near = {guess.id for guess in nearest}
        return [{**_told(guess), "near": guess.id in near} for guess in list(shown.values())[:_LISTED]]

    # -- the phones'

    def guess(self, phone: str, name: str, joules: float, address: str = "") -> Guess:
        """Enter, or change, what `phone`, at `address`, guesses.

        Raises NotOpen, BadGuess, or BadNickname, each with a sentence for the phone.
        """
        if self.state != "open":
            raise NotOpen
        if phone in self._barred:
            raise BadGuess("the presenter has taken your guess out")
        if not abs(joules) <= MOST_JOULES:  # not a number, too
            raise BadGuess(f"guess a number of joules, at most {MOST_JOULES:,.0f}")
        shown = nickname(name)
        before = self._guesses.get(phone)
        if before is None:
            self._make_room()
            self._numbers += 1
        self._places += 1
        # One number for good: what the presenter is about to take out must not become somebody else's.
        number = before.id if before else self._numbers
        self._guesses[phone] = entered = Guess(number, shown, round(joules, 2) + 0.0, self._places, address)
        self._drawn = None  # the hall sees it with the show's next second: 500 guesses are no 500 shows
        return entered

    def mine(self, phone: str) -> dict[str, Any] | None:
        """What `phone` guessed; once it is revealed, also how many were closer."""
        guess = self._guesses.get(phone)
        if guess is None:
            return None
        found: dict[str, Any] = {"nickname": guess.nickname, "guess": guess.joules}
        if self.state == "revealed" and self.answer and self.answer.joules is not None:
            off = self._off(guess)
            found["closer"] = sum(self._off(other) < off for other in self._guesses.values())
        return found

    # -- what the stream has of it

    def payload(self) -> dict[str, Any] | None:
        """None while there is no bet."""
        if self.state == "off" or self.subject is None:
            return None
        if self._drawn is None:
            self._drawn = self._made(self.subject, self.answer)
        return self._drawn

    def _made(self, subject: Subject, answer: Answer | None) -> dict[str, Any]:
        marked = (answer.joules, answer.low, answer.high) if answer else ()
        return {
            "state": self.state,
            "question": subject.question,
            "unit": "J",
            "per": subject.per,
            "contender": subject.contender,
            "baseline": subject.baseline,
            "guesses": len(self._guesses),
            "histogram": histogram([guess.joules for guess in self._guesses.values()], marked),
            "answer": answer.joules if answer else None,
            "low": answer.low if answer else None,
            "high": answer.high if answer else None,
            "why": answer.why if answer else "",
            "simulated": answer.simulated if answer else False,
            "replay": answer.replay if answer else False,
            "closest": self._closest(),
        }

    def _closest(self) -> list[dict[str, Any]]:
        """The best guesses once the answer is known."""
        if self.state != "revealed" or self.answer is None or self.answer.joules is None:
            return []
        return [_told(guess) for guess in self._nearest(self.answer.joules)[:CLOSEST]]

    def _nearest(self, joules: float) -> list[Guess]:
        """All guesses, the best first; of equals, who came first."""
        return sorted(self._guesses.values(), key=lambda guess: (abs(guess.joules - joules), guess.place))

    def _make_room(self) -> None:
        """When it is full, take out any guess of the address with the most of them.

        A phone has one address, and as many numbers as it asks for: who guesses by the thousand displaces his own.
        """
        if len(self._guesses) < MOST_GUESSES:
            return
        ((fullest, _),) = Counter(guess.address for guess in self._guesses.values()).most_common(1)
        crowd = [phone for phone, guess in self._guesses.items() if guess.address == fullest]
        del self._guesses[random.choice(crowd)]

    def _off(self, guess: Guess) -> float:
        assert self.answer is not None and self.answer.joules is not None
        return abs(guess.joules - self.answer.joules)

    def _clear(self) -> None:
        self._guesses, self._barred, self._numbers, self._places = {}, set(), 0, 0
        self.subject = self.answer = None

    def _become(self, state: State) -> None:
        self.state = state
        if state in {"open", "closed"}:
            self.answer = None
        self._drawn = None
        self.changed()


def _told(guess: Guess) -> dict[str, Any]:
    return {"id": guess.id, "nickname": guess.nickname, "guess": guess.joules}
