"""Where a model's files are, by the Hugging Face hub's own rules. Nothing is downloaded, and nothing is asked."""

import json
import os
from pathlib import Path

from engine.cpu_build.location import find_model

_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.gguf")
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_TRUE = {"1", "ON", "YES", "TRUE"}


def cpu_model_folder(name: str) -> Path | None:
    """Where a model for the CPU is: one that `make engine-cpu` built, or a folder."""
    folder = find_model(name) or Path(name)
    return folder if (folder / "config.json").is_file() else None


def gpu_model_folder(name: str, revision: str | None = None) -> Path | None:
    """Where a whole model is: a folder of that path, or the hub's cache; None when something would be downloaded."""
    if _is_whole(Path(name)):
        return Path(name)
    store = cache() / f"models--{name.replace('/', '--')}"
    try:
        commit = (store / "refs" / (revision or "main")).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        commit = revision or ""
    try:
        snapshots = [store / "snapshots" / commit] if commit else sorted((store / "snapshots").iterdir())
    except OSError:
        return None
    return next((folder for folder in snapshots if _is_whole(folder)), None)


def _is_whole(folder: Path) -> bool:
    """Whether configuration and weights are all there; a link into a download that was cut off leads nowhere."""
    weights = _weights(folder)
    return (folder / "config.json").is_file() and bool(weights) and all(file.is_file() for file in weights)


def weight_bytes(folder: Path) -> int:
    """Size of the weights that would be loaded from `folder`."""
    return sum(file.stat().st_size for file in _weights(folder) if file.is_file())


def _weights(folder: Path) -> list[Path]:
    """The files that vLLM would load, there or not: those that an index names, else of the first format there is.

    Many repositories hold the same weights twice, in two formats.
    """
    for pattern in _WEIGHTS:
        for index in sorted(folder.glob(f"{pattern}.index.json")):
            return [folder / name for name in _named(index)]
        if files := sorted(folder.glob(pattern)):
            return files
    return []


def _named(index: Path) -> list[str]:
    """The files that an index of weights names; none when it cannot be read."""
    try:
        return sorted({str(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def cache() -> Path:
    """The hub's cache."""
    chosen = os.environ.get("HF_HUB_CACHE")
    return Path(chosen).expanduser() if chosen else _home() / "hub"


def offline() -> str | None:
    """What forbids asking the hub, as `HF_HUB_OFFLINE=1`; None when nothing does."""
    settings = ((name, os.environ.get(name, "")) for name in _OFFLINE)
    return next((f"{name}={value}" for name, value in settings if value.upper() in _TRUE), None)


def has_token() -> bool:
    """Whether this user has a token of the hub's; which one is not looked at."""
    file = Path(os.environ.get("HF_TOKEN_PATH") or _home() / "token").expanduser()
    return bool(os.environ.get("HF_TOKEN")) or file.is_file()


def _home() -> Path:
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser()
    cache_home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache_home).expanduser() / "huggingface"
