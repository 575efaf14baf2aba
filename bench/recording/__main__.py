"""What recordings are worth: speed and size of an hour of them, and what accidents leave.

python bench/recording [--only reading|exporting|reporting|killed|mutations] [--json FILE]
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "tests")]

from bench.exporting import exporting
from bench.figures import Row, options, plain, table
from bench.recording.harm import killed, mutations
from bench.recording.reading import reading
from bench.recording.reporting import reporting

PARTS: dict[str, Callable[[Path], list[Row]]] = {
    "reading": reading,
    "exporting": exporting,
    "reporting": reporting,
    "killed": killed,
    "mutations": mutations,
}


def main() -> None:
    """The bench's part `recording`."""
    parser = options(__doc__)
    parser.add_argument("--only", choices=PARTS, help="one of the parts")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for name in [arguments.only] if arguments.only else PARTS:
        with tempfile.TemporaryDirectory(prefix="wattrace-") as folder:
            found = PARTS[name](Path(folder))
        print(table(found), flush=True)
        rows += found
    if arguments.json:
        arguments.json.write_text(json.dumps([plain(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
