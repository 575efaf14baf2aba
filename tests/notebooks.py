"""Notebooks run as plain Python, without Jupyter: for tests, and to renew what a notebook shows.

`python tests/notebooks.py docs/analysis.ipynb` runs its cells and writes what they print into it.
"""

import ast
import asyncio
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def run(path: Path) -> list[str]:
    """What each code cell prints, in order; a cell may await, as in Jupyter. Raises what a cell raises."""
    notebook, names, printed = json.loads(path.read_text(encoding="utf-8")), {"__name__": "__main__"}, []
    with asyncio.Runner() as runner:
        for number, cell in enumerate(code_cells(notebook)):
            code = compile("".join(cell["source"]), f"{path.name}, code cell {number + 1}", "exec", _AWAITS)
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                waiting = eval(code, names)
                if waiting is not None:
                    runner.run(waiting)
            printed.append(out.getvalue())
    return printed


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def shown(cell: dict[str, Any]) -> str:
    """What the notebook says that a cell prints."""
    return "".join(line for output in cell["outputs"] for line in output.get("text", ()))


def renew(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for number, (cell, text) in enumerate(zip(code_cells(notebook), run(path), strict=True), start=1):
        lines = text.splitlines(keepends=True)
        cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": lines}] if lines else []
        cell["execution_count"] = number
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


_AWAITS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

if __name__ == "__main__":
    renew(Path(sys.argv[1]))
