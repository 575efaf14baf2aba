"""The report as one HTML file that asks nobody for anything.

Its policy allows its own script and style, by their hashes, and nothing else.
"""

import base64
import hashlib
import zlib

import orjson

from engine.footprint import footprint_told
from engine.validity import dictionary
from server.joining import script, sheets, style
from server.report.caption import flags
from server.report.drawing import nice, power_curve
from server.report.facts import Facts
from server.report.markup import Markup, joined, tag
from server.report.sections import sections

_SPEEDS = (1, 2, 10, 50)


def report_html(facts: Facts) -> bytes:
    """The whole page."""
    code, sheet = Markup(script("report/main.js")), Markup(style([*sheets("index.html"), "report/report.css"]))
    own = f"script-src '{_hash(code)}'; style-src '{_hash(sheet)}'"
    policy = f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="dark light"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="generator", content="wattrace"),
        tag("title", f"{facts.title} – wattrace"),
        tag("style", sheet),
    )
    body = tag("body", _stage(facts), _paper(facts), *_data(facts), tag("script", code), data_state="done")
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n".encode()


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _data(facts: Facts) -> list[Markup]:
    """What the page replays, packed; and what the tables are made of, to the last digit."""
    tape = base64.b64encode(zlib.compress(facts.tape.content(), 9)).decode()
    return [
        tag("script", Markup(tape), id="tape", type="application/octet-stream"),
        tag("script", _json(facts.outcome), id="outcome", type="application/json"),
        tag(
            "script",
            _json(footprint_told(facts.footprints, facts.electricity)),
            id="footprint",
            type="application/json",
        ),
        tag("script", _json(dictionary()), id="reasons", type="application/json"),
    ]


def _json(value: object) -> Markup:
    """JSON in which no text can end the element that it stands in."""
    text = orjson.dumps(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


# -- the replay


def _stage(facts: Facts) -> Markup:
    """The first screen: as the live page, with a player's controls; without scripts it says what came of the race."""
    words = tag("div", tag("h1", facts.title, id="title"), tag("p", facts.learn, id="learn"), class_="top-words")
    status = tag(
        "div",
        tag("ul", *_badges(facts), id="badges", class_="badges"),
        tag("p", tag("span", id="age"), tag("span", facts.device, id="device"), class_="top-facts"),
        class_="top-status",
    )
    return tag(
        "main",
        tag("header", words, status, class_="top"),
        tag("section", _first_verdict(facts), id="verdict", class_="verdict", data_tone="plain", aria_label="Verdict"),
        tag("section", id="panels", class_="panels", aria_label="Arms"),
        _player(facts),
        tag("footer", tag("section", id="schedule", class_="schedule", aria_label="Schedule"), class_="bottom"),
        id="stage",
        class_="stage",
    )


def _badges(facts: Facts) -> list[Markup]:
    simulated = [tag("li", "SIMULATED", class_="badge", data_kind="simulated")] if facts.simulated else []
    return [*simulated, tag("li", "RECORDED", class_="badge", data_kind="ended")]


def _first_verdict(facts: Facts) -> Markup:
    found = facts.outcome["verdicts"]
    return tag("p", found[0]["text"] if found else "No verdict", class_="verdict-text")


def _player(facts: Facts) -> Markup:
    begin, end = facts.tape.span_ns
    labels = [arm["label"] for arm in facts.arms]
    buckets = facts.tape.overview()
    top = nice(max((bucket.high for bucket in buckets), default=1.0) * 1.02)
    reach = {"min": begin // 1_000_000, "max": max(1, end // 1_000_000), "step": "any"}
    slider = tag("input", id="seek", type="range", **reach, aria_label="Time in the race")
    speeds = [tag("button", f"{speed}×", type="button", data_speed=speed) for speed in _SPEEDS]
    return tag(
        "section",
        tag("button", tag("span", "Play", id="play-word"), id="play", type="button", data_playing="false"),
        tag("output", id="time"),
        tag("div", power_curve(buckets, (begin, end), labels, top), tag("i", id="head"), slider, class_="timeline"),
        tag("div", *speeds, class_="speeds", role="group", aria_label="Speed"),
        class_="player",
        aria_label="Replay",
        hidden=True,
        id="player",
    )


# -- the rest


def _paper(facts: Facts) -> Markup:
    warned = [tag("p", words, class_="flag") for words in flags(facts)]
    head = tag("header", tag("p", facts.title, class_="paper-title"), tag("p", facts.learn), class_="paper-head")
    note = tag("noscript", "The replay above needs JavaScript, which is turned off here; all figures are below.")
    return tag("article", note, head, joined(warned), sections(facts), class_="paper", id="paper", data_cut=facts.cut)
