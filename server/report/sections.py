"""The parts of the report below the replay, each a section of HTML. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson

from server.digits import ranged, scale, significant
from server.report.caption import INTERVAL, caption, method
from server.report.drawing import grid, interval_bar, nice, power_curve, round_marks
from server.report.facts import Facts
from server.report.markup import Markup, joined, tag
from server.report.tables import (
    figures_table,
    footprint_table,
    named,
    pairs_list,
    reasons_table,
    rounds_table,
    verdicts_table,
)
from server.terminal.footprint_table import electricity_words

_FEWEST_PERCENT = 0.1


def section(title: str, *children: object, class_: str = "") -> Markup:
    """A part with its heading."""
    return tag("section", tag("h2", title), *children, class_=class_ or None)


def key_figure(facts: Facts) -> Markup:
    """Energy for one token of each arm, with its interval."""
    energies = facts.energies
    known = [estimate for estimate in energies.values() if estimate]
    unit = scale(estimate.value for estimate in known)
    most = max((estimate.high or estimate.value for estimate in known), default=1.0)
    rows = []
    for slot, arm in enumerate(facts.arms):
        value, between = ranged(energies[arm["label"]], unit.factor)
        words = tag("p", tag("b", value), f" {unit.unit}/{facts.unit}", tag("small", between), class_="key-value")
        bar = interval_bar(energies[arm["label"]], most, slot)
        rows.append(tag("div", tag("p", named(facts, arm), class_="key-arm"), bar, words, class_="key-row"))
    return tag("figure", tag("div", *rows, class_="key"), tag("figcaption", caption(facts)))


def power_figure(facts: Facts) -> Markup:
    """Power over the whole race; for arms in parallel, of each apart."""
    labels = [arm["label"] for arm in facts.arms]
    begin, end = facts.tape.span_ns
    charts = []
    for arm in labels if facts.mode == "parallel" else [None]:
        buckets = facts.tape.overview(arm)
        if not buckets:
            continue
        top = nice(max(bucket.high for bucket in buckets) * 1.02)
        lines = grid([(share, f"{significant(top * share, 3)} W") for share in (1 / 3, 2 / 3)])
        chart = tag("svg", lines, power_curve(buckets, (begin, end), labels, top), class_="chart-svg", role="img")
        charts.append(chart)
    if not charts:
        return Markup("")
    words = (
        f"Power from {begin / 1e9:,.0f} s of the run to its end at {end / 1e9:,.0f} s: the mean in each of about "
        f"{len(buckets)} steps, and what lay between the lowest and the highest reading in it. Grey: nobody's turn."
    )
    return tag("figure", *charts, tag("figcaption", words))


def rounds_figure(facts: Facts) -> Markup:
    """How far every round lay from its arm's own figure."""
    name = f"joules_per_{facts.per_unit}"
    found: dict[str, list[tuple[int, float]]] = {}
    for arm in facts.arms:
        own = arm[name]
        values = ((each["round"], each["steady"][name]) for each in arm["per_round"])
        found[arm["label"]] = [(number, 100 * (value / own - 1)) for number, value in values if own and value]
    every = [value for values in found.values() for value in values]
    if not every:
        return Markup("")
    last = max(number for number, _ in every)
    reach = max(_FEWEST_PERCENT, *(abs(percent) for _, percent in every))
    words = [(0.5 + 0.44 * share, f"{share * reach:+.2g} %" if share else "the arm's own mean") for share in (1, 0, -1)]
    chart = tag("svg", grid(words), round_marks(found, last, reach), class_="chart-svg", role="img")
    text = (
        f"Each round's energy per {facts.unit} against its arm's own, in the order in which they were run, from the "
        f"first at the left to round {last} at the right. A slope is a drift; the scatter is what the interval is of."
    )
    return tag("figure", chart, tag("figcaption", text))


def sections(facts: Facts) -> Markup:
    """All of them, in their order."""
    parts = [
        section("Energy", key_figure(facts), class_="first"),
        section("Figures", figures_table(facts), tag("p", method(facts), " Unknown is a dash.")),
        section("Verdicts", verdicts_table(facts), tag("p", INTERVAL_OF_VERDICTS)),
        _carbon(facts),
        section("What must be said", reasons_table(facts), *_warnings(facts)),
        section("Power", power_figure(facts)),
        section("Every round", rounds_figure(facts), rounds_table(facts)),
        section("Method", *(tag("p", words) for words in method_words(facts))),
        section("Provenance", pairs_list(_provenance(facts)), *_details(facts)),
    ]
    return joined(parts)


INTERVAL_OF_VERDICTS = (
    "A verdict pairs the k-th round of one arm with the k-th of the other: Student's interval of the mean logarithm of "
    "their ratios, turned back. Each holds by itself: of twenty true draws one is expected to be called different."
)

_STEADY = (
    "A round's steady state begins when as many of its requests as the arm has slots have had their first token, and "
    "ends when the round's time is up, or when fewer requests are left than slots."
)
_STEADY_COMMAND = "A round's steady state is the time from the command's first word of progress to its last."
_SUMS = (
    "Its energy is the rise of the device's energy counter between the first and the last of the counter's ticks in "
    "it; work that is counted was done between the same two ticks. An arm's energy per {unit} is the sums of its "
    "rounds, one over the other. Where there is no counter the power readings are integrated."
)
_ANSWERS = "Energy per answer is of whole rounds, from the first request to the last answer's end."
_ORDERS = {
    "alternate": "The arms took turns in an order that favours none of them, so that slow drifts (warmth) cancel.",
    "parallel": "All arms ran at the same time, each on its own devices: how those differ is in the figures.",
    "shared": "All arms ran at the same time on the same device, whose watts are nobody's alone.",
}
_CLOCK = (
    "All times are of one monotonic clock. The tables are made from every sample of the recording; the replay and the "
    "curves are thinned out for their size."
)


def method_words(facts: Facts) -> list[str]:
    """How the figures were made, a paragraph each."""
    tokens = facts.unit == "token"
    steady = f"{_STEADY if tokens else _STEADY_COMMAND} {_SUMS.format(unit=facts.unit)}"
    answers = [_ANSWERS] if tokens else []
    return [steady, *answers, INTERVAL, f"{_ORDERS.get(facts.mode, '')} {_CLOCK}".strip()]


def _carbon(facts: Facts) -> Markup:
    if not facts.footprints:
        return Markup("")
    return section("Carbon and cost, estimated", footprint_table(facts), tag("p", electricity_words(facts.electricity)))


def _warnings(facts: Facts) -> list[Markup]:
    if not facts.warnings:
        return []
    items = [tag("li", f"{mark.t_ns / 1e9:,.1f} s: {mark.text or ''}") for mark in facts.warnings]
    return [tag("h3", "Warnings during the race"), tag("ul", *items)]


def _provenance(facts: Facts) -> list[tuple[str, object]]:
    start, told = facts.start, facts.start.provenance
    host = told.get("host") if isinstance(told.get("host"), dict) else {}
    assert isinstance(host, dict)
    return [
        ("run", start.run),
        ("begun", start.utc),
        ("recording", f"{facts.file}, SHA-256 {facts.sha256}"),
        ("wattrace", f"{told.get('wattrace_version', '')}, documents of version {start.schema_version}"),
        ("device", facts.device),
        ("simulated", facts.simulated or "nothing"),
        ("model", facts.model),
        ("prompts", f"{told.get('prompts', '')}, SHA-256 {told.get('prompts_sha256', '')}"),
        ("demo's SHA-256", told.get("demo_sha256")),
        ("seed", start.seed),
        (
            "machine",
            f"{host.get('name', '')}: {host.get('cpu', '')}, {host.get('cores', '')} cores, {host.get('system', '')}",
        ),
    ]


def _details(facts: Facts) -> list[Markup]:
    """What is too long for a table, folded; printed unfolded."""
    arms: dict[str, Mapping[str, Any]] = {
        f"arm {arm.label} as asked and as it ran": {"requested": arm.requested, **facts.ready.get(arm.label, {})}
        for arm in facts.start.arms
    }
    whole = {
        **arms,
        "the devices and how they were read": {
            "devices": facts.start.provenance.get("devices"),
            "streams": facts.sensors,
        },
    }
    whole["the demo"] = facts.start.demo
    return [tag("details", tag("summary", name), tag("pre", _pretty(value))) for name, value in whole.items()]


def _pretty(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
