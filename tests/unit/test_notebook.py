"""The worked notebook runs, and shows what it prints."""

import json
from pathlib import Path

from notebooks import code_cells, run, shown

NOTEBOOK = Path(__file__).parents[2] / "docs" / "analysis.ipynb"


def test_its_cells_run_and_print_what_it_shows() -> None:
    """Renew what it shows with: python tests/notebooks.py docs/analysis.ipynb."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    printed = run(NOTEBOOK)
    assert len(printed) > 6
    assert [shown(cell) for cell in code_cells(notebook)] == printed
