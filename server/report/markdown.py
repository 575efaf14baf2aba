"""The key figure as a table for a text, in Markdown. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from server.digits import ranged, scale
from server.report.caption import caption
from server.report.facts import Facts
from server.tables import DASH, shown

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~$&-])")


def report_markdown(facts: Facts) -> str:
    """Title, table, verdicts and caption."""
    rows = [_row(facts, arm) for arm in facts.arms]
    unit = scale(estimate.value if estimate else None for estimate in facts.energies.values()).unit
    heads = ["arm", f"{unit}/{facts.unit}", "95 % interval", "W", f"{facts.unit}s/s", "rounds"]
    lines = [
        f"## {plain(facts.title)}",
        "",
        _line([plain(head) for head in heads]),
        _line(["---", *["---:"] * 5]),
        *rows,
        "",
    ]
    lines += [f"- {plain(verdict['text'])}" for verdict in facts.outcome["verdicts"] if verdict["decided"]]
    lines += [*_footprint(facts), "", plain(caption(facts)), ""]
    return "\n".join(lines)


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _row(facts: Facts, arm: Mapping[str, Any]) -> str:
    energies = facts.energies
    factor = scale(estimate.value if estimate else None for estimate in energies.values()).factor
    value, between = ranged(energies[arm["label"]], factor)
    cells = [
        f"**{plain(arm['label'])}** {plain(arm['name'])}",
        value,
        between or DASH,
        shown(arm["power_watts"]["mean"], 1),
        shown(arm[f"{facts.per_unit}s_per_second"], 1),
        str(arm["rounds"]),
    ]
    return _line(cells)


def _footprint(facts: Facts) -> list[str]:
    found = []
    for each in facts.footprints:
        for estimate, factor, unit in (
            (each.grams_co2e, 1.0, "g CO2e"),
            (each.money, 1.0, facts.electricity.price.currency if facts.electricity.price else ""),
        ):
            if estimate is not None:
                value, between = ranged(estimate, factor)
                found.append(
                    f"- {plain(each.label)}, {each.of}: {value} {plain(unit)}" + f" ({between})" * bool(between)
                )
    return found


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
