"""What drives an arm, and sees what its clients see."""

from engine.loadgen.generator import LoadGenerator
from engine.loadgen.rounds import RoundLoad

__all__ = ["LoadGenerator", "RoundLoad"]
