"""CSV files: a table each. Words stand in quotes, so that an empty field is a missing value and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from engine.documents import Cell
from engine.export.passage import StreamRows
from engine.export.tables import Kind, Layout


class CsvFile:
    """Writes one table into `folder`, in as many pieces as come; `about` goes into a JSON file of the same name."""

    def __init__(self, folder: Path, layout: Layout, about: Mapping[str, Any]) -> None:
        self.layout = layout
        columns = {
            column.name: {"kind": column.kind, "unit": column.unit or None, "meaning": column.meaning or None}
            for column in layout.columns
        }
        described = {**about, **layout.about, "columns": columns}
        (folder / f"{layout.name}.json").write_bytes(orjson.dumps(described, option=orjson.OPT_INDENT_2))
        self._file = (folder / f"{layout.name}.csv").open("w", encoding="utf-8", newline="")
        self._file.write(",".join(columns) + "\r\n")

    def write(self, table: StreamRows) -> None:
        """Append rows."""
        told = [
            ["" if value is None else _TELL[column.kind](value) for value in self._cells(table, column.name)]
            for column in self.layout.columns
        ]
        self._file.writelines(",".join(row) + "\r\n" for row in zip(*told, strict=True))

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _cells(self, table: StreamRows, name: str) -> Sequence[Cell]:
        if name == "stream" and self.layout.stream is not None:
            return [self.layout.stream] * len(table)
        return table.cells(name)


def _quoted(value: Any) -> str:
    return '"' + str(value).replace('"', '""') + '"'


_TELL: Mapping[Kind, Callable[[Any], str]] = {
    "integer": str,
    "number": repr,  # the shortest digits that give the same bits again
    "text": _quoted,
    "flag": lambda value: "true" if value else "false",
}
