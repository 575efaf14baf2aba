"""`wattrace measure`: the energy of a window or of a command, from sampling to the figures."""

from engine.measure.request import Request
from engine.measure.session import measure

__all__ = ["Request", "measure"]
