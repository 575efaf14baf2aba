"""Several races side by side: arms that are the same in all respects as one group, groups against the first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from engine.compare import COMPARED, Verdict, judge, judge_unpaired
from engine.errors import NotComparable, RecordingError
from engine.outcome.comparable import Comparable
from engine.outcome.likeness import differences, facts, settings
from engine.unknown import total, weighted_mean


@dataclass(frozen=True)
class Group:
    """The same arm in one or more races: its letter there, by the race's number (from 0)."""

    name: str
    unit: str
    power_limit_watts: Sequence[float | None]
    letters: dict[int, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Race and letter of every member: 1A+2A."""
        return "+".join(f"{number + 1}{letter}" for number, letter in self.letters.items())


def across(races: Sequence[Comparable], *, anyway: bool = False) -> dict[str, Any]:
    """Each race's outcome, then what they say together.

    Raises NotComparable for what differs in model, prompts, GPU or simulation, unless told to compare it `anyway`,
    and RecordingError for a run that is there twice.
    """
    _refuse_twins(races)
    found = differences({str(race.path): race.start for race in races})
    if found and not anyway:
        raise NotComparable([str(difference) for difference in found])
    groups = grouped(races)
    return {
        "files": [{"file": str(race.path), **race.outcome()} for race in races],
        "simulated": any(any(race.start.simulated.values()) for race in races),
        "differences": [difference.as_dict() for difference in found],
        "groups": [figures(group, races) for group in groups],
        "verdicts": [verdict.as_dict() for verdict in _verdicts(groups, races)],
    }


def grouped(races: Sequence[Comparable]) -> list[Group]:
    """The groups, in the order in which the races name them.

    One group: arms of the same name, runtime, arguments and power limit, in races that do not differ otherwise.
    """
    groups: dict[bytes, Group] = {}
    for number, race in enumerate(races):
        about = facts(race.start)
        for arm in race.start.arms:
            own = settings(race.start, arm)
            group = Group(arm.name, arm.unit, own["power_limit_watts"])
            key = orjson.dumps([own, about], option=orjson.OPT_SORT_KEYS)
            groups.setdefault(key, group).letters[number] = arm.label
    return list(groups.values())


def figures(group: Group, races: Sequence[Comparable]) -> dict[str, Any]:
    """The group's figures over the steady states of all its rounds; unknown is None."""
    members = [races[number].summary(letter) for number, letter in group.letters.items()]
    measured = [races[number].measured(letter) for number, letter in group.letters.items()]
    unit = group.unit if group.unit == "token" else "unit"
    seconds, units = total([m["seconds"] for m in members]), total([m.get(f"{unit}s") for m in members])
    rates = [(m.get(f"joules_per_{unit}"), m.get(f"{unit}s")) for m in members]
    watts = [(m["power_watts"]["mean"], m["seconds"]) for m in members]
    peaks = [m["power_watts"]["peak"] for m in members if m["power_watts"]["peak"] is not None]
    return {
        "label": group.label,
        "name": group.name,
        "unit": group.unit,
        "power_limit_watts": list(group.power_limit_watts),
        "arms": [f"{number + 1}{letter}" for number, letter in group.letters.items()],
        "rounds": sum(m["rounds"] for m in members),
        f"{unit}s": units,
        "seconds": seconds,
        "energy_joules": total([m["energy_joules"] for m in members]),
        f"joules_per_{unit}": weighted_mean(rates),
        "power_watts": {"mean": weighted_mean(watts), "peak": max(peaks, default=None)},
        f"{unit}s_per_second": units / seconds if units is not None and seconds else None,
        "measured": [one for at, one in enumerate(measured) if one not in measured[:at]],
        "attributable": all(m["attributable"] for m in members),
        "reasons": list(dict.fromkeys(reason for m in members for reason in m["reasons"])),
    }


def _verdicts(groups: Sequence[Group], races: Sequence[Comparable]) -> list[Verdict]:
    """Every group against the first, and against the first of its name, in every metric that is known of both."""
    named: dict[str, Group] = {}
    pairs = []
    for group in groups:
        own = named.setdefault(group.name, group)
        baselines = [groups[0]] if own in (group, groups[0]) else [groups[0], own]
        pairs += [(baseline, group) for baseline in baselines if baseline is not group]
    found = (_judge(metric, *pair, races) for metric in COMPARED for pair in pairs)
    return [verdict for verdict in found if verdict is not None]


def _judge(metric: str, first: Group, other: Group, races: Sequence[Comparable]) -> Verdict | None:
    """By blocks, where both groups are arms of the same races; else nothing pairs their rounds."""
    sides = [[races[n].values(letter, metric) for n, letter in group.letters.items()] for group in (first, other)]
    if first.letters.keys() == other.letters.keys():
        blocks = [block for one, two in zip(*sides, strict=True) for block in zip(one, two, strict=False)]
        baseline, contender = ([block[side] for block in blocks] for side in (0, 1))
        return judge(metric, (first.label, baseline), (other.label, contender), unit=first.unit)
    flat = [[value for values in side for value in values] for side in sides]
    return judge_unpaired(metric, (first.label, flat[0]), (other.label, flat[1]), unit=first.unit)


def _refuse_twins(races: Sequence[Comparable]) -> None:
    """The same rounds twice would count as twice the evidence."""
    seen: dict[str, Path] = {}
    for race in races:
        if race.start.run in seen:
            raise RecordingError(race.path, f"is of the same run as {seen[race.start.run]}; leave one of them out")
        seen[race.start.run] = race.path
