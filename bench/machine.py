"""What the figures were measured on: without it they say nothing."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("wattrace", "uvicorn", "websockets", "aiohttp", "orjson", "plotly", "playwright")


def facts() -> dict[str, str]:
    """Name and value of everything that a reader needs to judge the figures."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    usable = len(os.sched_getaffinity(0))
    return {
        "CPU": cpu_name(),
        "cores": f"{usable} usable of {os.cpu_count()}",
        "load average": f"{load} (1, 5, 15 minutes) before the bench",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {release(name)}" for name in PACKAGES),
        "browser": browser(),
    }


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def release(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def chromium() -> str | None:
    """The system's Chromium, if there is one; rather that without a window, as `browser` in the Makefile says why."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


def browser() -> str:
    path = chromium()
    if path is None:
        return "none"
    asked = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    return asked.stdout.strip() or "unknown"
