"""Documents: the typed records of what happened in a run, and their one-line JSON form.

A run is `start`, then `descriptor`s, `page`s and `mark`s as they come, then `stop`. Times are integer
nanoseconds since the run's start on CLOCK_MONOTONIC. A missing value is None, never 0. `decode` and `encode`
are exact inverses of each other for everything that validates.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, model_validator

from engine.errors import RecordingError

SCHEMA_VERSION = 2
"""1: the first. 2: marks of kind `control`. Readers take every version up to this one."""

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
    schema_version: int = SCHEMA_VERSION
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
        return _ADAPTER.validate_python(orjson.loads(line))
    except orjson.JSONDecodeError as error:
        raise RecordingError(path, f"not JSON: {error}", line=number) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordingError(path, f"not a document: {where}: {first['msg']}", line=number) from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one line of a recording."""
    schema = _ADAPTER.json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "wattrace document", **schema}
