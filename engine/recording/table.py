"""Tables: what a recording holds, for NumPy, Arrow, pandas and polars. Whichever is not installed is not needed."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine.documents import Cell
from engine.errors import PackageMissing
from engine.recording.cells import Cells

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa


class Table:
    """Columns of equal length. `table["t_ns"]` is a NumPy array; `to_arrow()`, `to_pandas()`, `to_polars()` all of it.

    Missing values are NaN in floats, and in integers, which become floats for it; None in texts; null in Arrow, where
    integers stay what they are. `units` has each column's unit where it has one. Raises PackageMissing where a
    package is needed that is not installed.
    """

    def __init__(self, columns: Mapping[str, Cells], *, units: Mapping[str, str] | None = None) -> None:
        self.columns = dict(columns)
        self.units = dict(units or {})

    def __getitem__(self, name: str) -> "np.ndarray[Any, Any]":
        found: np.ndarray[Any, Any] = _numpy(self.columns[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        """How many rows it has."""
        return len(next(iter(self.columns.values()), ()))

    def cells(self, name: str) -> list[Cell]:
        """One column as documents have it: what is missing is None."""
        return self.columns[name].cells()

    @property
    def t_ns(self) -> "np.ndarray[Any, Any]":
        """Nanoseconds since the run's start."""
        return self["t_ns"]

    @property
    def values(self) -> "np.ndarray[Any, Any]":
        """The last column: of samples, what was read."""
        return self[next(reversed(self.columns))]

    def to_arrow(self) -> "pa.Table":
        """As a pyarrow.Table; each field's metadata has its unit."""
        pa = needed("pyarrow")
        arrays = [_arrow(pa, cells) for cells in self.columns.values()]
        fields = [
            pa.field(name, made.type, metadata={"unit": self.units[name]} if self.units.get(name) else None)
            for name, made in zip(self.columns, arrays, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def to_pandas(self) -> "pd.DataFrame":
        """As a pandas.DataFrame."""
        return needed("pandas").DataFrame({name: self[name] for name in self})

    def to_polars(self) -> "pl.DataFrame":
        """As a polars.DataFrame."""
        found: pl.DataFrame = needed("polars").from_arrow(self.to_arrow())
        return found


def needed(package: str) -> Any:
    """The package, or an error that says how to get it."""
    try:
        return import_module(package)
    except ImportError as error:
        raise PackageMissing(package, extra="export") from error


def _numpy(cells: Cells) -> Any:
    np = needed("numpy")
    if isinstance(cells.values, list):
        return np.array(cells.values, dtype=object)
    # A copy: an array that lends its memory cannot grow.
    found = np.array(memoryview(cells.values))
    if cells.values.typecode == "q" and cells.missing:
        found = found.astype(float)
        found[cells.missing] = np.nan
    return found


def _arrow(pa: Any, cells: Cells) -> Any:
    """Made of its buffers: with pa.array, Arrow loads pandas wherever it is installed, which takes half a second."""
    np = needed("numpy")
    count = len(cells)
    if isinstance(cells.values, list):
        texts = [b"" if cell is None else str(cell).encode() for cell in cells.values]
        ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)
        known, kind = np.array([cell is not None for cell in cells.values], bool), pa.large_string()
        return _made(pa, kind, known, [ends, b"".join(texts)]).cast(pa.string())
    values, known = np.array(memoryview(cells.values)), np.ones(count, bool)
    if cells.values.typecode == "d":
        return _made(pa, pa.float64(), ~np.isnan(values), [values])
    known[cells.missing] = False
    return _made(pa, pa.int64(), known, [values])


def _made(pa: Any, kind: Any, known: Any, content: list[Any]) -> Any:
    """A column of Arrow's; what is not `known` is null."""
    np = needed("numpy")
    bits = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(kind, len(known), [bits, *map(pa.py_buffer, content)])
