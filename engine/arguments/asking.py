"""Ask an interpreter what its vLLM accepts, once: importing vLLM takes ten seconds, so the answer is kept on disk."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import platformdirs

from engine.arguments import question
from engine.arguments.accepted import Accepted

_SECONDS = 180.0
"""A cold disk and a large CUDA build."""

_hung: set[str] = set()
"""Who has not answered in that time: as long as this process lives, nobody waits for it again."""


class NoVllm(Exception):
    """The interpreter has no package called vllm."""


class NoAnswer(Exception):
    """The interpreter did not get so far as to say whether it has one: it is none, or its vLLM cannot be imported."""


def accepted_by(python: str, env: Mapping[str, str] | None = None, *, folder: Path | None = None) -> Accepted | None:
    """What the vLLM of the interpreter `python` accepts; None when that vLLM is there and does not tell.

    `env` is what the arm adds to the environment. Answers are kept in `folder` (default: the user's cache) until
    the interpreter or its vLLM is another. Blocks for as long as vLLM takes to import. Raises NoVllm and NoAnswer.
    """
    env = {**os.environ, **(env or {})}
    key = _key(python, env)
    file = (folder or platformdirs.user_cache_path("wattrace") / "vllm-arguments") / f"{key}.json"
    answer = _kept(file) or (None if key in _hung else ask(python, env, key))
    if answer is None:
        raise NoAnswer(python)
    if answer.get("vllm") is None:
        raise NoVllm(python)
    try:
        accepted = Accepted.of(answer)
    except (KeyError, TypeError, AttributeError):
        return None
    _keep(file, python, answer)
    return accepted


def ask(python: str, env: Mapping[str, str], key: str = "") -> dict[str, Any] | None:
    """What `question.py` answers in the interpreter `python`; None when it does not.

    Under the name `key` one that takes too long is remembered.
    """
    source = Path(question.__file__).read_text(encoding="utf-8")
    # PYTHONSAFEPATH is -P, which interpreters before 3.11 refuse; from / they find nothing of ours either.
    quiet = {"PYTHONSAFEPATH": "1", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
    try:
        done = subprocess.run(
            [os.path.abspath(python), "-c", source],  # noqa: PTH100  (resolving links would leave the environment)
            cwd="/",
            env={**env, **quiet},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        last = done.stdout.rstrip().rpartition(b"\n")[2].decode()
        answer = orjson.loads(last.removeprefix(question.PREFIX)) if last.startswith(question.PREFIX) else None
    except subprocess.TimeoutExpired:
        _hung.add(key)
        return None
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def _key(python: str, env: Mapping[str, str]) -> str:
    told = f"{os.path.abspath(python)}\0{env.get('PYTHONPATH', '')}\0{Path(question.__file__).read_text()}"  # noqa: PTH100  (as above)
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def _kept(file: Path) -> dict[str, Any] | None:
    """The answer in `file`, if all that it depended on is as it was."""
    try:
        kept = orjson.loads(file.read_bytes())
        same = all(_changed_ns(path) == changed for path, changed in kept["depends"].items())
        return dict(kept["answer"]) if same else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _keep(file: Path, python: str, answer: Mapping[str, Any]) -> None:
    """Keep the answer if the disk lets us; written beside and renamed, since races may start side by side."""
    beside = file.with_suffix(f".{os.getpid()}")
    paths = (os.path.abspath(python), *answer.get("files", ()))  # noqa: PTH100  (as above)
    try:
        depends = {path: _changed_ns(path) for path in paths}
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(orjson.dumps({"depends": depends, "answer": answer}))
        beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)


def _changed_ns(path: str) -> int:
    return Path(path).stat().st_mtime_ns
