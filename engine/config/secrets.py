"""What a recording must not hold: values whose names say that they are secret. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

HIDDEN = "(not recorded)"
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same names and values, but for texts whose names say secret (numbers, as of max_num_batched_tokens, stay)."""
    return {name: HIDDEN if _hides(name, value) else value for name, value in values.items()}


def words_without_secrets(command: Sequence[str]) -> list[str]:
    """A command's words, but for the value of an option or variable whose name says secret."""
    shown: list[str] = []
    follows = False
    for word in command:
        name, equals, value = word.partition("=")
        if follows and not word.startswith("-"):
            shown.append(HIDDEN if _hides("secret", word) else word)
        elif equals and _hides(name, value) and " " not in name:
            shown.append(f"{name}={HIDDEN}")
        else:
            shown.append(word)
        follows = word.startswith("-") and not equals and bool(_SECRET.search(word))
    return shown


def _hides(name: str, value: Any) -> bool:
    return isinstance(value, str) and bool(_SECRET.search(name)) and not value.replace(".", "").isdigit()
