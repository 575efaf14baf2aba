"""Energy of a window, from what one device's sensors said. Pure: readings in, joules with their uncertainty out."""

from engine.energy.meter import EnergyMeter, Method, WindowEnergy

__all__ = ["EnergyMeter", "Method", "WindowEnergy"]
