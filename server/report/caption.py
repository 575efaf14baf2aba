"""What stands under the key figure, and how its figures were made: the same words in every format. Pure."""

from collections.abc import Sequence

from engine.books import attributable
from engine.validity import Reason
from server.digits import listed
from server.report.facts import Facts

INTERVAL = (
    "Intervals: 95 %, from the scatter between rounds (Student's t on logarithms) and the stated uncertainty of each "
    "round's energy, in quadrature."
)


def caption(facts: Facts) -> str:
    """One paragraph: what is shown, of how many rounds, on what, and what a reader must be warned of."""
    return " ".join(part for part in (*_what(facts), INTERVAL, *flags(facts), _from(facts)) if part)


def _what(facts: Facts) -> Sequence[str]:
    rounds = {arm["rounds"] for arm in facts.arms}
    told = (
        f"{rounds.pop()} rounds each"
        if len(rounds) == 1
        else f"{listed([str(arm['rounds']) for arm in facts.arms])} rounds"
    )
    model = f", {facts.model}" if facts.model else ""
    window = "steady state" if facts.unit == "token" else "time from a command's first word of progress to its last"
    return (f"Energy per {facts.unit} of the {window}, {told}, on {facts.device}{model}.", method(facts))


def method(facts: Facts) -> str:
    """Where the joules come from, in one sentence."""
    counters = [sensor for sensor in facts.sensors if "energy_joules" in sensor["columns"]]
    if not facts.sensors:
        return "No power sensor: watts and joules are unknown."
    if not counters:
        return "Energy is the integral of the power readings, for want of an energy counter."
    return "Energy is the rise of the device's energy counter between the first and last of its ticks in that window."


def flags(facts: Facts) -> list[str]:
    """What must be said before anything else: simulated, cut off, not an arm's own."""
    found = []
    if facts.simulated:
        found.append(f"SIMULATED: {facts.simulated}.")
    if not facts.outcome["complete"]:
        found.append(f"NOT COMPLETE: {facts.outcome['reason'] or 'the race did not finish'}.")
    shared = [arm["label"] for arm in facts.arms if not attributable(arm["reasons"])]
    if shared:
        found.append(f"NOT ATTRIBUTABLE: the joules of {listed(shared)} are not its own.")
    return found


def _from(facts: Facts) -> str:
    return (
        f"wattrace {facts.start.provenance.get('wattrace_version', '')}, {facts.start.utc[:10]}, run {facts.start.run}."
    )


def reasons(facts: Facts) -> list[tuple[Reason, list[str]]]:
    """Why figures deserve a second look, the gravest first, each with the arms that it is about."""
    weights = ("invalid", "doubt", "note")
    arms: dict[Reason, list[str]] = {}
    for arm in facts.arms:
        codes = [*arm["reasons"], *(code for each in arm["per_round"] for code in each["reasons"])]
        for code in dict.fromkeys(codes):
            arms.setdefault(Reason(code), []).append(arm["label"])
    return sorted(arms.items(), key=lambda item: weights.index(item[0].weight))
