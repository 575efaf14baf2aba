"""A table's rows, one after the other."""

from collections.abc import Iterator
from typing import Any

from engine.recording import Table


def rows(table: Table) -> Iterator[dict[str, Any]]:
    """Each row by its columns' names; what is missing is None."""
    columns = [table.cells(name) for name in table]
    return (dict(zip(table, row, strict=True)) for row in zip(*columns, strict=True))
