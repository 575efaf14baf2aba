"""The Grafana dashboard asks for nothing that `/metrics` does not have, and in the units that it has."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from odd_race import odd_documents
from scraping import Scraped

PANELS: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "docs" / "grafana.json").read_text())["panels"]
UNITS = {"watts": "watt", "celsius": "celsius", "joules": "joule"}


def asked(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel.get("targets", ())]


@pytest.fixture(scope="module")
def offered() -> set[str]:
    """Every sample of a race with all there is: conditions, and a viewer that acknowledges."""
    scraped = Scraped(list(odd_documents())[:-1])
    scraped.viewer(acknowledges=True)
    return {sample.name for family in scraped.families() for sample in family.samples}


def test_the_dashboard_uses_metrics_that_there_are(offered: set[str]) -> None:
    expressions = [expression for panel in PANELS for expression in asked(panel)]
    assert len(PANELS) >= 8 and expressions
    for expression in expressions:
        used = set(re.findall(r"wattrace_\w+", expression))
        assert used and used <= offered, expression


def test_counters_are_drawn_as_rates_and_nothing_else_is() -> None:
    for expression in (each for panel in PANELS for each in asked(panel)):
        assert ("rate(" in expression) == ("_total" in expression), expression


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_units_are_those_of_the_names(panel: dict[str, Any]) -> None:
    for expression in asked(panel):
        name = re.sub(r"_total$", "", re.findall(r"wattrace_\w+", expression)[0])
        word = name.rpartition("_")[2]
        unit = "watt" if word == "joules" and "rate(" in expression else UNITS.get(word)
        assert unit is None or panel["fieldConfig"]["defaults"]["unit"] == unit, expression
