"""Demos: YAML files that say what is raced, checked strictly before anything starts."""

from engine.config.arm import Arm, Progress, Restart, Runtime
from engine.config.demo import LABELS, Demo, Model, Schedule, Workload
from engine.config.files import DEFAULT_DEMO, demo_names, load_demo, parse_demo, with_schedule
from engine.config.secrets import without_secrets, words_without_secrets

__all__ = [
    "DEFAULT_DEMO",
    "LABELS",
    "Arm",
    "Demo",
    "Model",
    "Progress",
    "Restart",
    "Runtime",
    "Schedule",
    "Workload",
    "demo_names",
    "load_demo",
    "parse_demo",
    "with_schedule",
    "without_secrets",
    "words_without_secrets",
]
