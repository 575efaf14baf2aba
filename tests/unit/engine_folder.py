"""What lies in an engine folder, for the tests of the CPU engine's build."""

from pathlib import Path

from engine.cpu_build.stamp import Part, Stamp


def finish(folder: Path, *names: str) -> None:
    """Stamp parts as finished."""
    folder.mkdir(parents=True, exist_ok=True)
    Stamp({name: Part("d", {}, 1.0) for name in names}).save(folder)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path
