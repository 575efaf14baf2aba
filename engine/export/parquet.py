"""Parquet files: a table each, with its columns' units and the run's metadata in the schema."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from engine.errors import ExportError
from engine.export.arrow import TYPES, repeated
from engine.export.passage import StreamRows
from engine.export.tables import Column, Layout


class ParquetFile:
    """Writes one table into `folder`, in as many pieces as come; `about` is the run's metadata."""

    def __init__(self, folder: Path, layout: Layout, about: Mapping[str, Any]) -> None:
        self.layout = layout
        metadata = {"wattrace": orjson.dumps({**about, **layout.about}).decode()}
        self._schema = pa.schema([_field(column) for column in layout.columns], metadata=metadata)
        # Sensors' floats hardly repeat: a dictionary of them costs time and room.
        texts = [column.name for column in layout.columns if column.kind == "text"]
        path = folder / f"{layout.name}.parquet"
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", use_dictionary=texts)

    def write(self, table: StreamRows) -> None:
        """Append rows. Raises ExportError for values that do not fit their column."""
        found = table.to_arrow()
        if self.layout.stream is not None:
            found = found.append_column("stream", repeated(self.layout.stream, len(found)))
        try:
            self._writer.write_table(found.select(self._schema.names).cast(self._schema))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise ExportError(self.layout.name, f"holds a value that does not fit its column: {error}") from error

    def close(self) -> None:
        """End the file."""
        self._writer.close()


def _field(column: Column) -> pa.Field:
    known = {"unit": column.unit, "meaning": column.meaning}
    return pa.field(column.name, TYPES[column.kind], metadata={key: text for key, text in known.items() if text})
