"""Carbon and cost: what the joules of answers and tokens come to in grams of CO2e and in money. Always estimates."""

from engine.footprint.estimate import Estimate, energy_estimates
from engine.footprint.footprint import ABOUT, Electricity, Footprint, footprint, footprint_told, with_footprint
from engine.footprint.grid import Grid, grid_of, grid_told
from engine.footprint.price import Price, price_told

__all__ = [
    "ABOUT",
    "Electricity",
    "Estimate",
    "Footprint",
    "Grid",
    "Price",
    "energy_estimates",
    "footprint",
    "footprint_told",
    "grid_of",
    "grid_told",
    "price_told",
    "with_footprint",
]
