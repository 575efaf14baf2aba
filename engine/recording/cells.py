"""Columns of a stream as they grow out of its pages: eight bytes a number, where Python's own would take thirty."""

import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from engine.documents import Cell


class Cells:
    """One column: 64-bit integers, floats or texts, None where a value is missing.

    It begins as integers, becomes floats with the first float and texts with the first text.
    """

    __slots__ = ("missing", "values")

    def __init__(self, *, text: bool = False, missing: int = 0) -> None:
        self.values: array[int] | array[float] | list[Cell] = [None] * missing if text else array("q", [0] * missing)
        self.missing = list(range(missing))
        """Which of the integers stand for nothing; floats say so with NaN, texts with None."""

    def __len__(self) -> int:
        return len(self.values)

    def extend(self, cells: Sequence[Cell]) -> None:
        """Take more of them."""
        if isinstance(self.values, list):
            self.values.extend(cells)
            return
        try:
            self.values.fromlist(cells)  # type: ignore[arg-type]  # at C's pace; fails as a whole
        except (TypeError, OverflowError, AttributeError):
            for cell in cells:
                self._append(cell)

    def _append(self, cell: Cell) -> None:
        values = self.values
        if isinstance(values, list):
            values.append(cell)
        elif isinstance(cell, str):
            self.values = [*self.cells(), cell]
        elif values.typecode == "d":
            floats: array[Any] = values
            floats.append(math.nan if cell is None else float(cell))
        elif cell is None:
            self.missing.append(len(values))
            values.append(0)
        elif isinstance(cell, int):
            values.append(cell)
        else:
            self.values = array("d", values)
            for at in self.missing:
                self.values[at] = math.nan
            self.values.append(cell)

    def part(self, first: int, last: int) -> "Cells":
        """Those from `first` up to `last`."""
        found = Cells()
        found.values = self.values[first:last]
        found.missing = [at - first for at in self.missing if first <= at < last]
        return found

    def join(self, other: "Cells") -> None:
        """Take all of another column's."""
        mine, theirs = self.values, other.values
        if isinstance(mine, list) or isinstance(theirs, list) or mine.typecode != theirs.typecode:
            self.extend(other.cells())
            return
        self.missing += [at + len(mine) for at in other.missing]
        mine.extend(theirs)  # type: ignore[arg-type]  # both are of one kind

    def cells(self) -> list[Cell]:
        """All of them as documents have them."""
        if isinstance(self.values, list):
            return list(self.values)
        if self.values.typecode == "d":
            return [None if math.isnan(value) else value for value in self.values]
        found: list[Cell] = list(self.values)
        for at in self.missing:
            found[at] = None
        return found


class Rows:
    """One stream's rows: `t_ns`, and its columns by name; what a page lacks is missing."""

    def __init__(self) -> None:
        self.t_ns = Cells()
        self.columns: dict[str, Cells] = {}

    def __len__(self) -> int:
        return len(self.t_ns)

    def add(self, t_ns: Sequence[int], data: Mapping[str, Sequence[Cell]]) -> None:
        """Take one page."""
        columns = self.columns
        for name, cells in data.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = Cells(missing=len(self.t_ns))
            column.extend(cells)
        self.t_ns.extend(t_ns)
        if len(data) != len(columns):
            for name in columns.keys() - data.keys():
                columns[name].extend([None] * len(t_ns))
