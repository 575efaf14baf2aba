"""Engine arguments as command-line flags, the way vLLM spells them. Pure."""

from collections.abc import Mapping

import orjson
from pydantic import JsonValue

from engine.arguments.accepted import Accepted, Kind, shipped


def flags(arguments: Mapping[str, JsonValue], accepted: Accepted | None = None) -> list[str]:
    """`{"max_num_seqs": 8, "enforce_eager": True}` as `["--max-num-seqs", "8", "--enforce-eager"]`.

    False becomes `--no-...` where vLLM has such a flag, and nothing where it has not; None is left out; lists are
    spread out where vLLM takes several values, and become JSON elsewhere, as mappings do. What vLLM has and takes is
    looked up in `accepted` (default: the shipped list).
    """
    known = (accepted or shipped()).arguments
    words: list[str] = []
    for name, value in arguments.items():
        argument = known.get(name)
        words += _flag("--" + name.replace("_", "-"), value, argument.kind if argument else None)
    return words


def _flag(flag: str, value: JsonValue, kind: Kind | None) -> list[str]:
    match value:
        case None:
            return []
        case True:
            return [flag]
        case False:
            return [] if kind == "flag" else ["--no-" + flag.removeprefix("--")]
        case list() if kind == "list":
            return [flag, *map(str, value)] if value else []
        case dict() | list():
            return [flag, orjson.dumps(value).decode()]
        case _:
            return [flag, str(value)]
