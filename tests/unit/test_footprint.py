"""Carbon and cost: the arithmetic by hand, the words people give numbers in, and CodeCarbon's own answers."""

import json
import math
import subprocess
import sys
from typing import Any

import pytest

from engine.compare import student_half_width
from engine.errors import ConfigError
from engine.footprint import (
    Electricity,
    Grid,
    energy_estimates,
    footprint,
    grid_of,
    grid_told,
    price_told,
    with_footprint,
)
from engine.footprint.grid import _countries

CODECARBON = """
import json, logging, sys
logging.disable(logging.CRITICAL)
from codecarbon.core.emissions import Emissions
from codecarbon.core.units import Energy
from codecarbon.external.geography import GeoMetadata
from codecarbon.input import DataSource
emissions = Emissions(DataSource())
kwh, codes = json.load(sys.stdin)
grams = {
    code: 1000 * emissions.get_private_infra_emissions(Energy.from_energy(kwh), GeoMetadata(country_iso_code=code))
    for code in codes
}
json.dump(grams, sys.stdout)
"""


def arm(values: list[float], *, uncertainty: float = 0.0, unit: str = "token", **changes: object) -> dict[str, object]:
    """A summary of rounds of 100 tokens and one answer each, as `compare --json` has it."""
    name = "joules_per_token" if unit == "token" else "joules_per_unit"
    rounds = [
        {
            "complete": True,
            "reasons": [],
            "steady": {name: value, "energy_joules": 100 * value, "uncertainty_joules": uncertainty},
            "total": {
                "joules_per_request": 110 * value,
                "energy_joules": 110 * value,
                "uncertainty_joules": uncertainty,
            },
        }
        for value in values
    ]
    mean = sum(values) / len(values) if values else None
    both = {"steady": {name: mean}, "total": {"joules_per_request": 110 * mean if mean else None}}
    return {"label": "A", "unit": unit, "per_round": rounds, **both, **changes}


def test_the_range_is_the_scatter_of_the_rounds_and_the_doubt_of_their_energy() -> None:
    values = [0.50, 0.52, 0.48]
    logs = [math.log(value) for value in values]
    mean = sum(logs) / 3
    spread = math.sqrt(sum((log - mean) ** 2 for log in logs) / 2)
    half = math.hypot(student_half_width(3) * spread, 3 * 2.0 / (100 * sum(values)))
    found = energy_estimates(arm(values, uncertainty=2.0))["token"]
    assert found.value == 0.5
    assert (found.low, found.high) == pytest.approx((0.5 * math.exp(-half), 0.5 * math.exp(half)), rel=1e-12)
    assert found.rounds == 3


def test_one_round_has_no_range_and_what_is_unknown_is_left_out() -> None:
    alone = energy_estimates(arm([0.5]))
    assert (alone["token"].low, alone["token"].high, alone["answer"].value) == (None, None, 55.0)
    assert energy_estimates(arm([])) == {}
    assert set(energy_estimates(arm([0.5, 0.6], unit="block"))) == {"unit"}


@pytest.mark.parametrize("void", [{"reasons": ["foreign_process"]}, {"steady": {"valid": False}}])
def test_rounds_that_decide_no_verdict_widen_no_range(void: dict[str, Any]) -> None:
    summary = arm([0.5, 0.52, 5.0])
    rounds = summary["per_round"]
    assert isinstance(rounds, list)
    for name, value in void.items():
        rounds[2][name] = {**rounds[2][name], **value} if isinstance(value, dict) else value
    whole = arm([0.5, 0.52])
    kept, clean = energy_estimates(summary)["token"], energy_estimates(whole)["token"]
    assert kept.rounds == clean.rounds == 2
    assert kept.high is not None and clean.high is not None
    assert kept.high / kept.value == pytest.approx(clean.high / clean.value)


def test_grams_and_money_of_a_thousand_with_both_ranges() -> None:
    electricity = Electricity(grid_told("40-80, a study of 2025", place="here"), price_told("0.36 EUR"))
    tokens, answers = footprint([arm([0.5, 0.5])], electricity)
    assert tokens.of == "1,000 tokens" and answers.of == "1,000 answers"
    assert tokens.grams_co2e is not None and tokens.money is not None
    assert tokens.grams_co2e.value == pytest.approx(1000 * 0.5 / 3.6e6 * 60)
    assert tokens.grams_co2e.low == pytest.approx(1000 * 0.5 / 3.6e6 * 40)
    assert tokens.grams_co2e.high == pytest.approx(1000 * 0.5 / 3.6e6 * 80)
    assert tokens.money.value == pytest.approx(1000 * 0.5 / 3.6e6 * 0.36)
    assert tokens.money.low == tokens.money.high == pytest.approx(tokens.money.value)
    told = with_footprint({"arms": [arm([0.5, 0.5])]}, electricity)["footprint"]
    assert told["grid"]["source"] == "a study of 2025" and told["grid"]["place"] == "here"
    assert told["price"]["source"] == "given with --price"
    assert "cooling" in told["about"]


def test_without_grid_and_price_nothing_is_added() -> None:
    assert with_footprint({"arms": [arm([0.5])]}, Electricity()) == {"arms": [arm([0.5])]}


@pytest.mark.parametrize("text", ["", "much", "-3", "80-40", "nan", "inf", "40-80 kg", "1e400"])
def test_what_is_no_carbon_intensity_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match="--carbon"):
        grid_told(text)


@pytest.mark.parametrize("text", ["", "0.25", "EUR", "0.3-0.2 EUR", "nan EUR", "1 of something long"])
def test_what_is_no_price_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match="--price"):
        price_told(text)


@pytest.mark.parametrize("place", ["FR", "fr", "FRA", "France"])
def test_a_country_by_any_of_its_names(place: str) -> None:
    grid = grid_of(place)
    assert grid.place == "France" and grid.year and "CodeCarbon" in grid.source
    assert grid.low < grid.grams_per_kwh < grid.high


def test_a_country_that_nobody_has_heard_of() -> None:
    with pytest.raises(ConfigError, match="Atlantis"):
        grid_of("Atlantis")


def test_without_the_data_it_asks_for_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.footprint.grid._countries", lambda: None)
    with pytest.raises(ConfigError, match=r"wattrace\[carbon\].*--carbon"):
        grid_of("FR")


def test_every_country_comes_to_what_codecarbon_says() -> None:
    """Asked of the package itself, in a process of its own: its import alone takes seconds and touches the logging."""
    countries = _countries()
    assert countries is not None and len(countries) > 200
    joules, kwh = 12_345.6, 12_345.6 / 3.6e6
    asked = json.dumps([kwh, sorted(countries)])
    run = subprocess.run(
        [sys.executable, "-c", CODECARBON], input=asked, capture_output=True, text=True, check=True, timeout=100
    )
    theirs = json.loads(run.stdout)
    for code in countries:
        grid = grid_of(code)
        assert isinstance(grid, Grid)
        ours = joules / 3.6e6 * grid.grams_per_kwh
        assert ours == pytest.approx(theirs[code], rel=1e-12), code
