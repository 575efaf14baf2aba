"""What watching costs: one server raced against itself, more or less closely watched."""

from engine.observer.conditions import Condition, conditions
from engine.observer.findings import findings
from engine.observer.race import Hall, ObserverOptions, observe

__all__ = ["Condition", "Hall", "ObserverOptions", "conditions", "findings", "observe"]
