"""What the simulated model says: a seeded answer to a prompt, cut into tokens of about 0.75 words each."""

import random
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from engine.simulator.phrases import ANSWERS, ANYWHERE, KEYWORDS, MORE, OPENERS
from engine.workload import STAGE

TEMPLATE_TOKENS = 28
"""Tokens that a chat template puts around one message."""

BLOCK_TOKENS = 16
"""Prefixes are cached in whole blocks, as vLLM's are."""

_LONGEST_PIECE = 5  # letters; longer words take two tokens, as they do in real vocabularies
_PIECE = re.compile(r"\s*(?:\w+(?:'\w+)?|[^\w\s])")


@lru_cache(maxsize=1024)
def pieces(text: str) -> tuple[str, ...]:
    """`text` in tokens, spaces leading; joined they give `text` again, less trailing space."""
    return tuple(chain.from_iterable(_halves(word) for word in _PIECE.findall(text)))


def count_tokens(text: str) -> int:
    """How many tokens `text` takes."""
    return len(pieces(text))


@lru_cache(maxsize=1024)
def prefix_blocks(text: str) -> tuple[int, ...]:
    """A key for each whole block of `text`, which is of all the text up to its end: equal beginnings, equal keys."""
    words, keys, key = pieces(text), list[int](), 0
    for end in range(BLOCK_TOKENS, len(words) + 1, BLOCK_TOKENS):
        key = hash((key, words[end - BLOCK_TOKENS : end]))
        keys.append(key)
    return tuple(keys)


def _halves(word: str) -> tuple[str, ...]:
    if len(word.lstrip()) <= _LONGEST_PIECE:
        return (word,)
    middle = (len(word) + 1) // 2
    return (word[:middle], word[middle:])


class Answer:
    """The answer to `prompt` that `key` seeds: a natural end, and more to say when that is ignored."""

    def __init__(self, prompt: str, key: str) -> None:
        rng = random.Random(f"{key} {prompt}")
        self._sentences = _sentences(prompt, rng)
        self._pieces: list[str] = []
        first = (next(self._sentences) for _ in range(rng.randint(4, 9)))
        self._extend(" ".join(first))
        self.natural_tokens = len(self._pieces)
        """Tokens up to where the model would stop by itself, its end-of-sequence token not counted."""

    def token(self, index: int) -> str:
        """The text of token `index`; there is no last one."""
        while index >= len(self._pieces):
            self._extend(" " + next(self._sentences))
        return self._pieces[index]

    def text(self, tokens: int) -> str:
        """The first `tokens` tokens as text."""
        return "".join(self.token(index) for index in range(tokens))

    def _extend(self, text: str) -> None:
        self._pieces.extend(pieces(text))


def _sentences(prompt: str, rng: random.Random) -> Iterator[str]:
    topic, answer = _topic(prompt, rng)
    if rng.random() < 0.4:
        yield rng.choice(OPENERS)
    yield answer
    while True:
        more = [*MORE[topic], *rng.sample([line for line in ANYWHERE if line != answer], 3)]
        rng.shuffle(more)
        yield from more


@lru_cache(maxsize=1)
def _stage() -> dict[str, tuple[str, str]]:
    known = [(topic, answer) for topic, answers in ANSWERS.items() for answer in answers]
    return dict(zip(STAGE, known, strict=True))


def _topic(prompt: str, rng: random.Random) -> tuple[str, str]:
    question = prompt.strip().rpartition("\n")[2]  # what is asked comes last, however long the text before it
    known = _stage().get(question)
    if known:
        return known
    words = set(re.findall(r"\w+", question.lower()))
    words |= {word.removesuffix("s") for word in words}
    scores = {topic: len(words.intersection(keys)) for topic, keys in KEYWORDS.items()}
    best = max(scores, key=lambda topic: scores[topic])
    topic = best if scores[best] else rng.choice(list(MORE))
    return topic, rng.choice(ANYWHERE)
