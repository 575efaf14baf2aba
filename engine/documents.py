"""Documents: the typed records of what happened in a run, and their one-line JSON form.

A run is `start`, then `descriptor`s, `page`s and `mark`s as they come, then `stop`. Times are integer
nanoseconds since the run's start on CLOCK_MONOTONIC. A missing value is None, never 0. `decode` and `encode`
are exact inverses of each other for everything that validates.
"""

from dataclasses import asdict
from enum import StrEnum
from itertools import chain
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, model_validator

from engine.errors import RecordingError
from engine.metrics import METRICS

SCHEMA_VERSION = 3
"""1: the first. 2: marks of kind `control`; the stop has every round's figures, the verdicts and a digest. 3: a column
says whether its window is documented or assumed, and descriptors come again with the periods that were detected.

Readers take every version up to this one.
"""

CLOCK = "CLOCK_MONOTONIC, integer nanoseconds since the run's start"
"""What every `t_ns` is on."""

# 64-bit signed: what JSON readers of other languages and Parquet columns hold without loss.
Int64 = Annotated[int, Field(strict=True, ge=-(2**63), le=2**63 - 1)]
TimeNs = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Cell = Int64 | Number | Annotated[str, Field(strict=True)] | None


class Record(BaseModel):
    """What all documents share: unknown fields are refused, instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ArmInfo(Record):
    """One arm as the run knows it: its letter on screen, its name, and what it was asked to be."""

    label: str
    name: str
    runtime: str
    requested: dict[str, JsonValue] = {}
    unit: str = "token"
    """What its work is counted in."""
    devices: list[str] = []
    """Streams of the devices that it runs on (`gpu0`); empty in recordings from before there could be several."""
    concurrency: Int64 | None = None


class Start(Record):
    """The first document of a run: everything that was known before anything happened."""

    type: Literal["start"] = "start"
    schema_version: Annotated[int, Field(strict=True, ge=1)] = SCHEMA_VERSION
    run: str
    utc: str
    """UTC time of t = 0, ISO 8601: the only wall-clock time in a recording."""
    seed: Int64
    demo: dict[str, JsonValue]
    arms: list[ArmInfo]
    provenance: dict[str, JsonValue]
    simulated: dict[str, bool]
    """Whether a source is simulated, by the source's name ("power", "arms")."""


class Column(Record):
    """One column of a stream: its unit, its kind, and how often the device really renews it."""

    unit: str
    kind: Literal["gauge", "counter", "text"]
    detected_period_ns: TimeNs | None = None
    window_ns: TimeNs | None = None
    """How long the sensor looks for one value."""
    window_origin: Literal["documented", "assumed"] = "documented"


class Descriptor(Record):
    """What one stream's pages hold, where they come from, and what the device cannot give."""

    type: Literal["descriptor"] = "descriptor"
    stream: str
    t_ns: TimeNs
    source: str
    columns: dict[str, Column]
    device: str | None = None
    device_name: str | None = None
    arm: str | None = None
    nominal_period_ns: TimeNs | None = None
    unsupported: dict[str, str] = {}
    """Columns that the device refuses, with the driver's reason."""

    @property
    def documented_windows_ns(self) -> dict[str, int]:
        """How long the sensors look for one value, by column, where that is documented."""
        columns = self.columns.items()
        return {name: c.window_ns for name, c in columns if c.window_ns and c.window_origin == "documented"}


class Page(Record):
    """Rows of one stream as columns; every column is as long as `t_ns`, whose values never fall."""

    type: Literal["page"] = "page"
    stream: str
    t_ns: list[TimeNs]
    data: dict[str, list[Cell]]

    @model_validator(mode="after")
    def _columns_match(self) -> "Page":
        rows = len(self.t_ns)
        for name, column in self.data.items():
            if len(column) != rows:
                raise ValueError(f"column {name!r} has {len(column)} values, t_ns has {rows}")
        if any(later < earlier for earlier, later in zip(self.t_ns, self.t_ns[1:], strict=False)):
            raise ValueError("t_ns falls within the page")
        return self


class MarkKind(StrEnum):
    """What a mark is about."""

    PHASE = "phase"  # the run as a whole: preparing, warming, baseline, racing, cooling, done
    ARM = "arm"  # an arm's state: starting, ready, active, resting, asleep, failed, stopped
    ROUND_BEGIN = "round_begin"
    ROUND_END = "round_end"
    REQUEST_SUBMITTED = "request_submitted"
    REQUEST_FIRST_TOKEN = "request_first_token"
    REQUEST_FINISHED = "request_finished"
    REQUEST_FAILED = "request_failed"
    GAP = "gap"
    THROTTLE = "throttle"
    WARNING = "warning"
    NOTE = "note"
    CONTROL = "control"  # what the presenter did: `state` is the action, `data` its particulars, `text` who


class Mark(Record):
    """A point in time, or a span up to `end_t_ns`, with what happened."""

    type: Literal["mark"] = "mark"
    kind: MarkKind
    t_ns: TimeNs
    end_t_ns: TimeNs | None = None
    arm: str | None = None
    round: Int64 | None = None
    request: Int64 | None = None
    state: str | None = None
    text: str | None = None
    data: dict[str, JsonValue] = {}


class Stop(Record):
    """The last document: how the run ended. A recording without it was cut off."""

    type: Literal["stop"] = "stop"
    t_ns: TimeNs
    exit_status: Literal["success", "abort", "fail"]
    reason: str = ""
    counts: dict[str, Int64] = {}
    """Rows written for each stream."""
    arms: list[dict[str, JsonValue]] = []
    """Each arm's summary, as `wattrace compare --json` has it."""
    verdicts: list[dict[str, JsonValue]] = []
    digest: str | None = None
    """`sha256:` and the SHA-256, in hexadecimal, of every byte of the recording before this field."""


Document = Annotated[Start | Descriptor | Page | Mark | Stop, Field(discriminator="type")]

_ADAPTER: TypeAdapter[Start | Descriptor | Page | Mark | Stop] = TypeAdapter(Document)


def encode(document: Start | Descriptor | Page | Mark | Stop) -> bytes:
    """One line of JSON with its newline; fields that hold their default are left out of all but `start`."""
    slim = not isinstance(document, Start)
    fields = document.model_dump(exclude_defaults=slim)
    return orjson.dumps({"type": document.type, **fields}, option=orjson.OPT_APPEND_NEWLINE)


def decode(
    line: bytes, *, path: str = "document", number: int | None = None
) -> Start | Descriptor | Page | Mark | Stop:
    """The document in one line of JSON.

    Raises RecordingError, naming `path` and line `number`, for anything that is not a valid document.
    """
    try:
        fields = orjson.loads(line)
        return _plain(line, fields) or _ADAPTER.validate_python(fields)
    except orjson.JSONDecodeError as error:
        raise RecordingError(path, f"not JSON: {error}", line=number) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordingError(path, f"not a document: {where}: {first['msg']}", line=number) from error


# An hour's recording has hundreds of thousands of pages and marks, and pydantic takes its time over each. So those that
# surely are what they should be are taken as they are; whatever is unusual in any way is left to pydantic, which takes
# or refuses it. Tests hold that both ways give the same.

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
_PAGE_FIELDS = {"type", "stream", "t_ns", "data"}
_MARK_FIELDS = {"type", "kind", "t_ns", "end_t_ns", "arm", "round", "request", "state", "text", "data"}
_WHOLE, _WORDS, _CELLS = frozenset({int, NoneType}), frozenset({str, NoneType}), {int, float, str, bool, NoneType}
_KINDS = {kind.value: kind for kind in MarkKind}
_NO_MARK = {name: field.default for name, field in Mark.model_fields.items()}
_MOST_SHAPES = 1024
_shapes: set[bytes] = set()
"""Lines of good pages of numbers, and of good marks without a text, less digits and signs: whatever line is left with
the same has as many numbers in the same places, whole ones where those were whole."""


def _plain(line: bytes, fields: Any) -> Page | Mark | None:
    """The page or mark in `fields`, if it surely is one."""
    if not isinstance(fields, dict):
        return None
    digits = line.translate(_DIGITS)
    if _LONG_NUMBER in digits or b"[]" in digits:  # beyond 64 bits; and none is left like one
        return None
    shape = digits.translate(None, b"0-")
    if fields.keys() == _PAGE_FIELDS and fields["type"] == "page":
        return _plain_page(shape, fields)
    if fields.get("type") == "mark" and fields.keys() <= _MARK_FIELDS:
        return _plain_mark(shape, fields)
    return None


def _plain_page(shape: bytes, fields: dict[str, Any]) -> Page | None:
    if shape not in _shapes and not _fits(shape, fields):
        return None
    t_ns = fields["t_ns"]
    return _made(Page, fields, set(fields)) if t_ns[0] >= 0 and sorted(t_ns) == t_ns else None


def _fits(shape: bytes, fields: dict[str, Any]) -> bool:
    """Whether all is as it should be but for the order of times; the shape is kept where all cells are numbers."""
    t_ns, data = fields["t_ns"], fields["data"]
    if type(fields["stream"]) is not str or type(data) is not dict:
        return False
    if {list} != {type(t_ns), *map(type, data.values())} or {len(t_ns)} != {len(t_ns), *map(len, data.values())}:
        return False
    kinds = set(map(type, chain.from_iterable(data.values())))
    if set(map(type, t_ns)) != {int} or not kinds <= {int, float, str, NoneType}:
        return False
    if kinds <= {int, float} and len(_shapes) < _MOST_SHAPES:
        _shapes.add(shape)
    return True


def _plain_mark(shape: bytes, fields: dict[str, Any]) -> Mark | None:
    found = {**_NO_MARK, "data": {}, **fields}
    if shape not in _shapes:
        if not _fits_mark(found):
            return None
        if found["text"] is None and len(_shapes) < _MOST_SHAPES:
            _shapes.add(shape)
    kind = found["kind"] = _KINDS.get(found["kind"])
    good = kind is not None and found["t_ns"] >= 0 and (found["end_t_ns"] or 0) >= 0
    return _made(Mark, found, set(fields)) if good else None


def _fits_mark(found: dict[str, Any]) -> bool:
    """Whether all is of the type that it should be."""
    data = found["data"]
    return (
        type(found["kind"]) is str
        and type(found["t_ns"]) is int
        and type(found["end_t_ns"]) in _WHOLE
        and type(found["round"]) in _WHOLE
        and type(found["request"]) in _WHOLE
        and type(found["arm"]) in _WORDS
        and type(found["state"]) in _WORDS
        and type(found["text"]) in _WORDS
        and type(data) is dict
        and _CELLS.issuperset(map(type, data.values()))
    )


def sure_page(stream: str, t_ns: list[int], data: dict[str, list[Cell]]) -> Page:
    """A page of cells that we have made ourselves: not validated, which would cost as much as all else about it."""
    return _made(Page, {"type": "page", "stream": stream, "t_ns": t_ns, "data": data}, {"stream", "t_ns", "data"})


_Made = TypeVar("_Made", Page, Mark)


def _made(model: type[_Made], fields: dict[str, Any], told: set[str]) -> _Made:
    """As pydantic's own model_construct leaves it, which takes five times as long."""
    found = model.__new__(model)
    object.__setattr__(found, "__dict__", fields)
    object.__setattr__(found, "__pydantic_fields_set__", told)
    object.__setattr__(found, "__pydantic_extra__", None)
    object.__setattr__(found, "__pydantic_private__", None)
    return found


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one line of a recording; `x-metrics` says what each column of a page is."""
    schema = _ADAPTER.json_schema()
    metrics = {name: asdict(metric) for name, metric in METRICS.items()}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "wattrace document"}
    # An annotation, which validators pass over: a page may have columns of its own.
    return {**head, "x-clock": CLOCK, "x-metrics": metrics, **schema}
