"""What a check-up asks of the machine besides its power sensors. Nothing is changed, and nothing is downloaded."""

import asyncio
import contextlib
import os
import shutil
import socket
from pathlib import Path

import platformdirs

from engine.cpu_build.location import find_model

CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_VERSION_SECONDS = 30.0
# vLLM's distribution has another name in some builds, so it is asked for by its package.
_SAY_VERSION = (
    "import importlib.metadata as m; names = m.packages_distributions().get('vllm'); print(m.version(names[0]))"
)
_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.gguf")


async def vllm_version(python: str) -> str | None:
    """The version of vLLM that the interpreter `python` has; None: it has none, or does not run."""
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            python, "-P", "-c", _SAY_VERSION, stdin=null, stdout=pipe, stderr=null
        )
    except OSError:
        return None
    try:
        said, _ = await asyncio.wait_for(process.communicate(), _VERSION_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    return said.decode(errors="replace").strip() or None if process.returncode == 0 else None


def cpu_model_folder(name: str) -> Path | None:
    """Where a model for the CPU is: one that `make engine-cpu` built, or a folder."""
    folder = find_model(name) or Path(name)
    return folder if (folder / "config.json").is_file() else None


def gpu_model_folder(name: str) -> Path | None:
    """Where a model's weights are: a folder of that path, or the hub's cache; None when they would be downloaded."""
    if _is_whole(Path(name)):
        return Path(name)
    snapshots = _hub_cache() / f"models--{name.replace('/', '--')}" / "snapshots"
    with contextlib.suppress(OSError):
        return next((folder for folder in sorted(snapshots.iterdir()) if _is_whole(folder)), None)
    return None


def _is_whole(folder: Path) -> bool:
    weights = any(any(folder.glob(pattern)) for pattern in _WEIGHTS)
    return weights and (folder / "config.json").is_file()


def _hub_cache() -> Path:
    """The Hugging Face hub's cache, by the hub's own rules."""
    chosen = os.environ.get("HF_HUB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "huggingface" / "hub"


def data_folder() -> Path:
    """Where recordings would go; it need not be there yet."""
    root = os.environ.get("WATTRACE_DATA")
    return Path(root) if root else platformdirs.user_data_path("wattrace")


def disk_room(folder: Path) -> tuple[int, bool]:
    """Free bytes where `folder` is or would be, and whether we may write there."""
    there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("/"))
    return shutil.disk_usage(there).free, there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True


def clock_source(file: Path = CLOCK_SOURCE) -> str | None:
    """What the kernel tells the time by; None where it does not say."""
    try:
        return file.read_text(encoding="ascii").strip() or None
    except OSError:
        return None
