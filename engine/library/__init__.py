"""The recordings in a folder: what is there, what is kept, what may go."""

from engine.library.entry import Entry, read_entry
from engine.library.keeping import keep, replace
from engine.library.pruning import Plan, Rules, plan, prune
from engine.library.shelf import Wanted, find, listed

__all__ = ["Entry", "Plan", "Rules", "Wanted", "find", "keep", "listed", "plan", "prune", "read_entry", "replace"]
