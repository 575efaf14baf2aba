"""Bundles out of folders."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from engine.bundles.bundle import Bundle
from engine.bundles.form import Config, Result, System
from engine.errors import RecordingError

_KNOWN = "2."
_MOST_BYTES = 64 << 20

Form = TypeVar("Form", bound=BaseModel)


def read_bundle(folder: Path) -> Bundle:
    """The llenergymeasure bundle in `folder`.

    Raises RecordingError for a folder that is none, or that is of a version that is not known.
    """
    result = _read(folder / "result.json", Result)
    if result is None:
        raise RecordingError(folder, "holds no llenergymeasure bundle: there is no result.json in it")
    if not result.bundle_version.startswith(_KNOWN):
        raise RecordingError(folder, f"is a bundle of version {result.bundle_version}; 2.x can be read")
    config, system = _read(folder / "config.json", Config), _read(folder / "system.json", System)
    return Bundle(folder, result, config or Config(), system or System())


def _read(path: Path, form: type[Form]) -> Form | None:
    """The file's fields; None where there is no such file."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise RecordingError(path, "is larger than any bundle's")
        return form.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordingError(path, f"cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordingError(path, f"not as llenergymeasure writes it: {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(path, f"not JSON: {error}") from error
