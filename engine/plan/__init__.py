"""The plan of a race: what this machine has, matched to what a demo asks for, before anything starts."""

from engine.plan.making import make_plan, scratch_folder
from engine.plan.plan import Plan, PlannedArm, Power

__all__ = ["Plan", "PlannedArm", "Power", "make_plan", "scratch_folder"]
