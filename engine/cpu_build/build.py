"""Make the CPU engine, or bring it up to date: what `make engine-cpu` runs.

    <folder>/venv                    vLLM for the CPU, with a Python of its own
    <folder>/models/smollm2-135m     a small model that it loads
    <folder>/complete.json           which of the two are finished, and what they were made from
    <folder>/build.log               what pip and the others printed

A second call with nothing to do returns at once. A build that was stopped goes on with the part that it was
at.
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import functools
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.cpu_build import environment, model
from engine.cpu_build.errors import BuildError
from engine.cpu_build.location import ENVIRONMENT, FOLDER_VARIABLE, INTERPRETER, MODELS, engine_folder
from engine.cpu_build.lock import BuildLock
from engine.cpu_build.recipe import Recipe
from engine.cpu_build.stamp import Part, Stamp
from engine.cpu_build.workshop import Workshop

Log = Callable[[str], None]
INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


@dataclasses.dataclass(frozen=True)
class CpuEngine:
    """A finished CPU engine: its folder, the Python that has vLLM, and model folders and versions by name."""

    folder: Path
    interpreter: Path
    models: Mapping[str, Path]
    versions: Mapping[str, str]


def build(folder: Path | None = None, log: Log = print) -> CpuEngine:
    """Make the engine in `folder` (default: `engine_folder()`), as far as it is not there yet.

    Blocks for about two minutes the first time, and while another build works in the same folder. Raises
    BuildError.
    """
    folder = engine_folder() if folder is None else folder.expanduser().absolute()
    stamp = bring_up_to_date(folder, (environment.recipe(), model.recipe()), log)
    versions: dict[str, str] = {}
    for part in stamp.parts.values():
        versions.update(part.versions)
    models = {model.MODEL: folder / MODELS / model.MODEL}
    return CpuEngine(folder, folder / ENVIRONMENT / INTERPRETER, models, versions)


def bring_up_to_date(folder: Path, recipes: Sequence[Recipe], log: Log) -> Stamp:
    """Make the parts in `folder` that are missing or out of date, in order, and return the stamp.

    Raises BuildError.
    """
    stamp = Stamp.load(folder)
    if all(recipe.is_done(folder, stamp) for recipe in recipes):
        return stamp  # without the lock: whoever only looks never waits
    say = functools.partial(_say, log, time.monotonic())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with BuildLock(folder, say) as lock:
            return _make_parts(Workshop(folder, say, (lock.descriptor,)), recipes)
    except OSError as error:
        first = "Free about 4 GB" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Make it writable"
        raise BuildError(
            error.strerror or str(error),
            where=str(error.filename or folder),
            remedy=f"{first}, or name another folder in {FOLDER_VARIABLE}.",
        ) from error


def _make_parts(shop: Workshop, recipes: Sequence[Recipe]) -> Stamp:
    """Make what is not done, holding the lock; another build may have done it while this one waited."""
    stamp = Stamp.load(shop.folder)
    shop.log.unlink(missing_ok=True)
    _remove(shop.scratch)
    shop.scratch.mkdir()
    try:
        for recipe in recipes:
            if recipe.is_done(shop.folder, stamp):
                shop.say(f"{recipe.name}: up to date")
                continue
            check_disk(shop.folder, recipe)
            begin = time.monotonic()
            versions = _make_part(shop, recipe, stamp)
            seconds = round(time.monotonic() - begin, 1)
            stamp = stamp.including(recipe.name, Part(recipe.digest, dict(versions), seconds))
            stamp.save(shop.folder)
            shop.say(f"{recipe.name}: done in {seconds} s")
    finally:
        _remove(shop.scratch)
    return stamp


def _make_part(shop: Workshop, recipe: Recipe, stamp: Stamp) -> Mapping[str, str]:
    """Make one part in its place; if that fails, the finished one that stood there is put back.

    Without that, a first try with new pins and no network would cost the engine that worked.
    """
    target, old = shop.folder / recipe.name, shop.scratch / "old"
    stamp.excluding(recipe.name).save(shop.folder)
    if recipe.name not in stamp.parts:
        _remove(target)  # what a build that was killed left there
    elif target.exists():
        target.rename(old)
    try:
        versions = recipe.make(shop)
    except BaseException:
        _remove(target)
        if old.exists():
            old.rename(target)
            stamp.save(shop.folder)
            shop.say(f"{recipe.name}: failed; the one from before is back in its place")
        raise
    _remove(old)
    return versions


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def check_disk(folder: Path, recipe: Recipe) -> None:
    """Raises BuildError if the disk of `folder` has no room to make the part."""
    free = shutil.disk_usage(folder).free
    if free < recipe.free_bytes:
        raise BuildError(
            f"the disk is too full: {recipe.name} needs {recipe.free_bytes / 1e9:.1f} GB free, "
            f"and {free / 1e9:.1f} GB are",
            where=str(folder),
            remedy=f"Free some space, or name a folder on a larger disk in {FOLDER_VARIABLE}.",
        )


def _say(log: Log, begin: float, text: str) -> None:
    log(f"{time.monotonic() - begin:6.1f} s  {text}")


def main(argv: Sequence[str]) -> int:
    """The command line; returns the exit status: 0 done, 1 failed, 130 stopped by Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -P -m engine.cpu_build",
        description="Make a real vLLM on the CPU, and a small model for it.",
    )
    parser.add_argument("--folder", type=Path, help=f"where (default: {FOLDER_VARIABLE}, or the user's data folder)")
    options = parser.parse_args(argv)
    try:
        engine = build(options.folder, functools.partial(print, flush=True))
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; run it again to go on with the part that was at work", file=sys.stderr)
        return INTERRUPTED
    print(f"interpreter  {engine.interpreter}")
    for name, path in engine.models.items():
        print(f"{name:12} {path}")
    return 0
