"""Many pages of one stream at once, by Arrow's own reader of JSON, which leaves the other core something to do.

It takes what the stream's descriptor tells, with every value of its column's type, and nothing else: for whatever is
otherwise there are those who look at each page.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, json

from engine.documents import Cell, Descriptor
from engine.export.tables import Kind, stream_kind

TYPES: dict[Kind, pa.DataType] = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "text": pa.string(),
    "flag": pa.bool_(),
}
_EXACT = 2**53
"""Whole numbers below are what they are in a column of floats too."""

_BLOCK_BYTES = 1 << 20
"""What each of Arrow's threads takes; no page is as long."""


class ArrowRows:
    """A stream's rows; what can be asked of a `Table` to be written."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.column_names)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def to_arrow(self) -> pa.Table:
        """The table itself."""
        return self._table

    def cells(self, name: str) -> list[Cell]:
        """One column as documents have it."""
        column = self._table.column(name)
        whole = not column.null_count and pa.types.is_integer(column.type)
        found: list[Cell] = _numbers(_whole(column)).tolist() if whole else column.to_pylist()
        return found


def read_pages(lines: Sequence[bytes], descriptor: Descriptor) -> ArrowRows | None:
    """The rows of pages, each a whole line; None where any of them is not quite what `descriptor` tells."""
    wanted = {name: TYPES[stream_kind(name, told)] for name, told in descriptor.columns.items()}
    read = _parsed(b"".join(lines), wanted) if wanted else None
    if read is None:
        return None
    times, data = _whole(read.column("t_ns")), _whole(read.column("data"))
    if data.null_count or not _rise(times):
        return None
    columns = {name: _column(data.field(name), times) for name in wanted}
    if any(column is None for column in columns.values()):
        return None
    return ArrowRows(pa.Table.from_arrays([times.values, *columns.values()], names=["t_ns", *columns]))


def _parsed(content: bytes, wanted: dict[str, pa.DataType]) -> pa.Table | None:
    data = pa.struct([(name, pa.list_(kind)) for name, kind in wanted.items()])
    words = [("type", pa.string()), ("stream", pa.string())]
    schema = pa.schema([*words, ("t_ns", pa.list_(pa.int64())), ("data", data)])
    try:
        return json.read_json(
            pa.BufferReader(content),
            read_options=json.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
    except pa.ArrowInvalid:
        return None


def _whole(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found


def repeated(text: str, count: int) -> pa.Array:
    """A column of one text. Arrow's own `repeat` loads pandas first, where it is installed: half a second."""
    one = text.encode()
    ends = np.arange(count + 1, dtype=np.int32) * len(one)
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(one * count))


def _numbers(column: pa.Array) -> Any:
    """As NumPy has them, where none is missing; `to_numpy` would load pandas too."""
    return np.from_dlpack(column)


def _rise(times: Any) -> bool:
    """Whether every page has times, none of them before the run's start, or before the one above it."""
    values = times.values
    if times.null_count or values.null_count or not len(values):
        return False
    numbers, edges = _numbers(values), _numbers(times.offsets)
    if edges[0] != 0 or edges[-1] != len(values):
        return False
    falls = numbers[1:] < numbers[:-1]
    begins = edges[1:-1]
    falls[begins - 1] = False  # another page's
    return bool((edges[1:] > edges[:-1]).all() and numbers.min() >= 0 and not falls.any())


def _column(cells: Any, times: Any) -> pa.Array | None:
    """The column's values, one for each time; None where they are not as many, or not exact."""
    if cells.null_count == len(cells):  # no page has it
        return pa.nulls(len(times.values), cells.type.value_type)
    if cells.null_count or not cells.offsets.equals(times.offsets):
        return None
    values = cells.values
    if pa.types.is_floating(values.type) and values.null_count < len(values):
        extremes = compute.min_max(values).as_py()
        return values if -_EXACT < extremes["min"] <= extremes["max"] < _EXACT else None
    return values
