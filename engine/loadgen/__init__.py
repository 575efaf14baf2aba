"""What drives an arm, and sees what its clients see."""

from engine.loadgen.crowd import Crowd, Question
from engine.loadgen.generator import LoadGenerator
from engine.loadgen.rounds import RoundLoad, over_or_cut

__all__ = ["Crowd", "LoadGenerator", "Question", "RoundLoad", "over_or_cut"]
