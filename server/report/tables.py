"""The report's tables. Every figure's cell carries the very number of `compare --json` in its `data` element. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.books import over
from engine.compare import plural
from server.digits import change, ranged
from server.report.caption import reasons
from server.report.facts import Facts
from server.report.markup import Markup, joined, tag
from server.tables import DASH, shown

Arm = Mapping[str, Any]
_WORDS = frozenset({"in words", "what", "what to do", "to be said"})
_WEIGHTS = {"invalid": "must not be used", "doubt": "look twice", "note": "to know"}


def datum(value: float | None, digits: int) -> Markup:
    """A figure as read, with all its digits beside it for whoever computes with it."""
    return tag("data", shown(value, digits), value=None if value is None else repr(value))


def letter(facts: Facts, label: str) -> Markup:
    """An arm's letter in its colour and pattern."""
    slot = [arm["label"] for arm in facts.arms].index(label)
    return tag("span", label, class_="letter", data_slot=slot)


def named(facts: Facts, arm: Arm) -> Markup:
    """Letter and name."""
    return joined([letter(facts, arm["label"]), tag("bdi", arm["name"], class_="arm-name")])


def figures_table(facts: Facts) -> Markup:
    """What `compare` prints, arms side by side."""
    unit, units = facts.unit, plural(facts.unit)
    rows = [
        _row(name.format(unit=unit, units=units), [show(arm, facts) for arm in facts.arms])
        for name, show in (*_ROWS, *(_TOKEN_ROWS if unit == "token" else ()))
    ]
    heads = [tag("td"), *(tag("th", named(facts, arm), scope="col") for arm in facts.arms)]
    return _table([tag("tr", *heads)], rows, class_="figures")


def _per(facts: Facts, name: str) -> str:
    return name.format(f"{facts.per_unit}")


_ROWS: tuple[tuple[str, Callable[[Arm, Facts], Markup]], ...] = (
    ("rounds", lambda arm, facts: datum(arm["rounds"], 0)),
    ("{units} in the steady state", lambda arm, facts: datum(arm[_per(facts, "{}s")], 0)),
    ("{units}/s", lambda arm, facts: datum(arm[_per(facts, "{}s_per_second")], 1)),
    ("J/{unit}", lambda arm, facts: datum(arm[_per(facts, "joules_per_{}")], 4)),
    (
        "J/{unit} above idle",
        lambda arm, facts: datum(over(arm["energy_above_idle_joules"], arm[_per(facts, "{}s")] or 0), 4),
    ),
    ("energy, J", lambda arm, facts: datum(arm["energy_joules"], 1)),
    ("its uncertainty, J", lambda arm, facts: datum(arm["uncertainty_joules"], 2)),
    ("power, W (mean)", lambda arm, facts: datum(arm["power_watts"]["mean"], 1)),
    ("power, W (peak)", lambda arm, facts: datum(arm["power_watts"]["peak"], 1)),
    ("hottest, °C", lambda arm, facts: datum(arm["temperature_celsius_max"], 0)),
    ("clock, MHz (mean)", lambda arm, facts: datum(arm["clock_sm_megahertz_mean"], 0)),
)

_TOKEN_ROWS: tuple[tuple[str, Callable[[Arm, Facts], Markup]], ...] = (
    ("J/answer (whole rounds)", lambda arm, facts: datum(arm["total"]["joules_per_request"], 2)),
    ("answers", lambda arm, facts: datum(arm["requests"]["finished"], 0)),
    ("requests at once (mean)", lambda arm, facts: datum(arm["running_requests_mean"], 1)),
    ("first token, s (p50 / p99)", lambda arm, facts: _percentiles(arm["ttft_seconds"])),
    ("between tokens, s (p50 / p99)", lambda arm, facts: _percentiles(arm["itl_seconds"])),
    ("whole answer, s (p50 / p99)", lambda arm, facts: _percentiles(arm["e2e_seconds"])),
)


def _percentiles(found: Mapping[str, float] | None) -> Markup:
    if found is None:
        return Markup(DASH)
    return joined([datum(found["p50"], 4), Markup(" / "), datum(found["p99"], 4)])


def verdicts_table(facts: Facts) -> Markup:
    """Every verdict, decided or not."""
    rows = [
        _row(
            verdict["metric"].replace("_", " "),
            [
                tag("td", f"{verdict['contender']} / {verdict['baseline']}"),
                tag(
                    "td",
                    tag(
                        "data", change(verdict["low"], verdict["high"], verdict["ratio"]), value=repr(verdict["ratio"])
                    ),
                ),
                tag("td", str(verdict["rounds"])),
                tag("td", verdict["text"], class_="words"),
            ],
        )
        for verdict in facts.outcome["verdicts"]
    ]
    heads = ("metric", "arms", "ratio (95 % interval)", "rounds of each", "in words")
    return _table([tag("tr", *(_head(head) for head in heads))], rows)


def footprint_table(facts: Facts) -> Markup:
    """Carbon and cost with their ranges."""
    currency = facts.electricity.price.currency if facts.electricity.price else ""
    rows = []
    for each in facts.footprints:
        cells = [tag("td", each.of)]
        for estimate, factor in ((each.joules, 1 / 3600), (each.grams_co2e, 1.0), (each.money, 1.0)):
            value, between = ranged(estimate, factor)
            exact = None if estimate is None else repr(estimate.value)
            cells.append(
                tag("td", tag("data", value, value=exact), tag("small", between or "no range") if estimate else "")
            )
        rows.append(_row(letter(facts, each.label), cells))
    heads = ("arm", "of", "energy, Wh", "g CO2e", f"cost, {currency}" if currency else "cost")
    return _table([tag("tr", *(_head(head) for head in heads))], rows, class_="footprint")


def reasons_table(facts: Facts) -> Markup:
    """What speaks against the figures, in words."""
    rows = [
        _row(
            _WEIGHTS[reason.weight],
            [
                tag("td", *(letter(facts, label) for label in labels)),
                tag("td", reason.sentence, class_="words"),
                tag("td", reason.remedy, class_="words"),
            ],
            class_=f"weight-{reason.weight}",
        )
        for reason, labels in reasons(facts)
    ]
    heads = ("weight", "arms", "what", "what to do")
    return _table([tag("tr", *(_head(head) for head in heads))], rows)


def rounds_table(facts: Facts) -> Markup:
    """Every round in the order in which they were run."""
    unit, per = facts.unit, facts.per_unit
    rounds = sorted(
        ((each["round"], arm["label"], each) for arm in facts.arms for each in arm["per_round"]),
        key=lambda row: row[:2],
    )
    rows = [
        _row(
            str(number),
            [
                tag("td", letter(facts, label)),
                *(tag("td", cell) for cell in _round_cells(each, per)),
                tag("td", ", ".join(_said(each)), class_="words"),
            ],
        )
        for number, label, each in rounds
    ]
    units = plural(unit)
    heads = ("round", "arm", "s", units, "J", "± J", f"J/{unit}", "W", f"{units}/s", "°C", "to be said")
    return _table([tag("tr", *(_head(head) for head in heads))], rows, class_="rounds")


def _round_cells(each: Mapping[str, Any], per: str) -> list[Markup]:
    steady = each["steady"]
    return [
        datum(steady["seconds"], 2),
        datum(steady[f"{per}s"], 0),
        datum(steady["energy_joules"], 1),
        datum(steady["uncertainty_joules"], 2),
        datum(steady[f"joules_per_{per}"], 4),
        datum(steady["power_watts"]["mean"], 1),
        datum(steady[f"{per}s_per_second"], 1),
        datum(each["temperature_celsius_mean"], 1),
    ]


def _said(each: Mapping[str, Any]) -> Sequence[str]:
    cut = [] if each["complete"] else ["incomplete"]
    return [*cut, *(str(code).replace("_", " ") for code in each["reasons"])]


def pairs_list(pairs: Sequence[tuple[str, object]]) -> Markup:
    """Names and what they are; what is unknown is left out."""
    told = [(name, value) for name, value in pairs if value not in {None, ""}]
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in told))


def _row(name: object, cells: Sequence[Markup], class_: str | None = None) -> Markup:
    wrapped = [cell if cell.startswith("<td") else tag("td", cell) for cell in cells]
    return tag("tr", tag("th", name, scope="row"), *wrapped, class_=class_)


def _head(words: str) -> Markup:
    """A column's head, on the side where its cells begin."""
    return tag("th", words, scope="col", class_="words" if words in _WORDS else None)


def _table(heads: Sequence[Markup], rows: Sequence[Markup], class_: str | None = None) -> Markup:
    table = tag("table", tag("thead", *heads), tag("tbody", *rows), class_=class_)
    return tag("div", table, class_="table", tabindex="0")
