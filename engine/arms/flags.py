"""Engine arguments as command-line flags, the way vLLM spells them. Pure."""

from collections.abc import Mapping

import orjson
from pydantic import JsonValue


def flags(arguments: Mapping[str, JsonValue]) -> list[str]:
    """`{"max_num_seqs": 8, "enforce_eager": True}` as `["--max-num-seqs", "8", "--enforce-eager"]`.

    False becomes `--no-...`, None is left out, lists and mappings become JSON.
    """
    words: list[str] = []
    for name, value in arguments.items():
        flag = "--" + name.replace("_", "-")
        match value:
            case None:
                continue
            case True:
                words.append(flag)
            case False:
                words.append("--no-" + flag.removeprefix("--"))
            case dict() | list():
                words += [flag, orjson.dumps(value).decode()]
            case _:
                words += [flag, str(value)]
    return words
