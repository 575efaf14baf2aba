"""How many grams of CO2e a kilowatt-hour of electricity comes with: of a country, or as somebody says.

Countries come from the data that the codecarbon package carries, where that is installed; nothing is asked over the
network, and where this machine stands is never guessed.
"""

import importlib.metadata
import importlib.util
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from engine.errors import ConfigError
from engine.footprint.amount import told

HOURS_SHARE = 0.35
"""The hours in which a race ran may differ from the year's mean by about so much: the order of what G. Miller, K. Novan
and A. Jenn found for inventories, "Hourly accounting of carbon emissions from electricity consumption" (Environmental
Research Letters 17, 2022)."""

_DATA = Path("data/private_infra/global_energy_mix.json")
_INSTALL = "pip install 'wattrace[carbon]' brings the data; or give a number: --carbon 56"


@dataclass(frozen=True)
class Grid:
    """Carbon intensity of electricity, with its range; `year` is the data's, None where nobody said."""

    grams_per_kwh: float
    low: float
    high: float
    place: str
    year: int | None
    source: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def grid_told(text: str, *, place: str = "", where: str = "--carbon") -> Grid:
    """A number of grams for a kilowatt-hour, or a range of them, and who says so: `56`, `40-80`, `56, RTE 2025`.

    Raises ConfigError for anything else.
    """
    try:
        given = told(text)
        if given.unit:
            raise ValueError(given.unit)
    except ValueError as error:
        problem = f"{text!r} is no number of grams of CO2e for a kilowatt-hour"
        raise ConfigError(file="carbon", where=where, problem=problem, remedy="56, 40-80 or '56, RTE 2025'") from error
    return Grid(given.value, given.low, given.high, place, None, given.source or f"given with {where}")


def grid_of(place: str, *, where: str = "--place") -> Grid:
    """The yearly mean of a country: its name, or its code of two or three letters.

    Raises ConfigError where the data is not installed, or has no such country.
    """
    countries = _countries()
    if countries is None:
        raise ConfigError(file="carbon", where=where, problem="the data of countries is not there", remedy=_INSTALL)
    found = countries.get(_code(place))
    if found is None or found.get("carbon_intensity") is None:
        remedy = "a code such as FR or FRA, or a number: --carbon 56"
        raise ConfigError(file="carbon", where=where, problem=f"no data for {place!r}", remedy=remedy)
    grams, year = float(found["carbon_intensity"]), found.get("year")
    source = f"CodeCarbon {importlib.metadata.version('codecarbon')}, from Our World in Data"
    spread = HOURS_SHARE * grams
    return Grid(grams, grams - spread, grams + spread, str(found["country_name"]), year, source)


def _code(place: str) -> str:
    """The three letters that the data calls a country by."""
    import pycountry

    try:
        return str(pycountry.countries.lookup(place).alpha_3)
    except LookupError:
        return place.strip().upper()


@cache
def _countries() -> dict[str, dict[str, Any]] | None:
    """The data, read as a file: importing the package would take seconds. None where it is not installed."""
    spec = importlib.util.find_spec("codecarbon")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / _DATA
    countries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return countries
