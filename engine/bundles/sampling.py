"""How often a bundle's stored series has a value."""

import statistics
from itertools import pairwise
from pathlib import Path


def stored_hz(path: Path) -> float | None:
    """Rows a second of one GPU; None where there is no series, it is too short, or pyarrow is not installed."""
    if not path.is_file():
        return None
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        return None
    try:
        found = pq.read_table(path, columns=["timestamp_s", "gpu_index"])
    except (OSError, pa.ArrowException):
        return None
    times = sorted({row["timestamp_s"] for row in found.to_pylist() if row["timestamp_s"] is not None})
    steps = [later - earlier for earlier, later in pairwise(times)]
    return 1 / statistics.median(steps) if steps else None
