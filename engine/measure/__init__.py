"""`wattrace measure`: the energy of a window or of a command, from sampling to the figures."""

from engine.measure.session import Request, measure

__all__ = ["Request", "measure"]
