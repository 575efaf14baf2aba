"""What a phone's owner may call himself: one short line of visible characters. Text, never markup. Pure."""

import unicodedata

from engine.errors import WattraceError

LONGEST = 20
"""Characters."""
_LONGEST_GIVEN = 200
_MOST_MARKS = 2
"""Combining marks after one character: enough for every script, too few to climb over the line above."""


class BadNickname(WattraceError):
    """It cannot be shown."""


def nickname(given: str) -> str:
    """`given` as it may be shown, "" for none. Raises BadNickname with a sentence for its sender.

    What cannot be seen, or would turn the text around it (controls, formats, private characters), is taken out.
    """
    if len(given) > _LONGEST_GIVEN:
        raise BadNickname(f"a nickname has at most {LONGEST} characters")
    shown: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFKC", given):
        kind = unicodedata.category(char)
        marks = marks + 1 if kind.startswith("M") else 0
        if kind.startswith("Z"):
            shown.append(" ")
        elif not kind.startswith("C") and marks <= _MOST_MARKS:
            shown.append(char)
    name = " ".join("".join(shown).split())
    if len(name) > LONGEST:
        raise BadNickname(f"a nickname has at most {LONGEST} characters, this one has {len(name)}")
    if name and not any(unicodedata.category(char)[0] in "LNS" for char in name):
        raise BadNickname("a nickname needs a letter, a digit or a picture")
    return name
