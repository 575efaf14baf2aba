"""What drives an arm, and sees what its clients see."""

from engine.loadgen.generator import LoadGenerator, RoundLoad

__all__ = ["LoadGenerator", "RoundLoad"]
