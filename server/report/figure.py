"""The key figure as a picture for a paper or a slide: energy for one token of each arm, its interval, and a caption.

matplotlib draws it, which measures text by itself and needs no browser; it comes with `wattrace[report]`. Text is drawn
as outlines, so that the picture looks the same everywhere, and nothing in it depends on when it was made.
"""

import io
import textwrap
import warnings
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import WattraceError
from server.digits import ranged, scale
from server.report.caption import caption, flags
from server.report.facts import Facts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, as on screen; patterns tell them apart in black and white.
_COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#f0e442", "#d55e00")
_HATCHES = ("", "///", "|||", "\\\\\\", "...", "xxx")
_WIDE_INCHES, _DPI = 8.0, 300
_ROW_INCHES, _HEAD_INCHES, _AXIS_INCHES, _LINE_INCHES = 0.62, 0.62, 0.62, 0.165
_LETTERS_A_LINE = 132
_PLAIN: dict[str, Any] = {"parse_math": False}
"""Dollar signs in a name are dollar signs."""


class NoPainter(WattraceError):
    """The library that draws pictures is not installed."""

    def __str__(self) -> str:
        return "pictures are drawn by matplotlib, which is not installed; pip install 'wattrace[report]'"


def figure(facts: Facts, kind: Literal["png", "svg", "pdf"]) -> bytes:
    """The picture as a file's content. Raises NoPainter where matplotlib is not installed."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise NoPainter from None
    words = textwrap.wrap(caption(facts), _LETTERS_A_LINE)
    inches = (_HEAD_INCHES, _ROW_INCHES * len(facts.arms), _AXIS_INCHES, _LINE_INCHES * len(words) + 0.15)
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "wattrace", "pdf.fonttype": 42, "font.size": 10}):
        picture = Figure(figsize=(_WIDE_INCHES, sum(inches)), dpi=_DPI, facecolor="white")
        tall = sum(inches)
        axes = picture.add_axes((0.02, (inches[2] + inches[3]) / tall, 0.96, inches[1] / tall))
        _bars(axes, facts)
        _words(picture, facts, words, tall)
        return _saved(picture, kind)


def _saved(picture: "Figure", kind: str) -> bytes:
    # A picture that was drawn twice from the same recording is the same file.
    nameless = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    content = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes, which everybody sees.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        picture.savefig(content, format=kind, metadata=nameless)
    return content.getvalue()


def _bars(axes: "Axes", facts: Facts) -> None:
    """A bar for each arm from zero, its interval on it, its name before it and its value behind it."""
    energies = [facts.energies[arm["label"]] for arm in facts.arms]
    unit = scale(estimate.value if estimate else None for estimate in energies)
    most = max((estimate.high or estimate.value for estimate in energies if estimate), default=1.0) * unit.factor
    for slot, (arm, estimate) in enumerate(zip(facts.arms, energies, strict=True)):
        name = textwrap.shorten(str(arm["name"]), 26, placeholder="…")
        axes.text(-0.025 * most, slot, f"{arm['label']}  {name}", ha="right", va="center", weight="bold", **_PLAIN)
        value, between = ranged(estimate, unit.factor)
        if estimate is None:
            axes.text(0.02 * most, slot, "unknown", va="center", color="#555555")
            continue
        wide = estimate.value * unit.factor
        style: dict[str, Any] = {"color": _COLOURS[slot % 6], "hatch": _HATCHES[slot % 6]}
        axes.barh(slot, wide, height=0.58, edgecolor="#1a1a1a", linewidth=0.6, **style)
        far = wide
        if estimate.low is not None and estimate.high is not None:
            low, far = estimate.low * unit.factor, estimate.high * unit.factor
            ends = [[wide - low], [far - wide]]
            # White behind black, so that it stands out from a pattern.
            for colour, thick, cap in (("white", 3.6, 6), ("black", 1.4, 5)):
                axes.errorbar(wide, slot, xerr=ends, color=colour, capsize=cap, capthick=thick, elinewidth=thick)
        axes.text(far + 0.025 * most, slot - 0.13, value, va="center", weight="bold", size=11)
        axes.text(far + 0.025 * most, slot + 0.2, between or "one round", va="center", size=7.5, color="#444444")
    _axis(axes, most, len(facts.arms), f"energy per {facts.unit} ({unit.unit}/{facts.unit})")


def _axis(axes: "Axes", most: float, arms: int, title: str) -> None:
    axes.set_xlim(-0.36 * most, 1.24 * most)
    axes.set_ylim(arms - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= most * 1.05])
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_bounds(0, most)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(title, x=(0.36 + 0.5) / 1.6)


def _words(picture: "Figure", facts: Facts, words: list[str], tall: float) -> None:
    title = textwrap.shorten(facts.title, 78, placeholder="…")
    picture.text(0.02, 1 - 0.22 / tall, title, size=14, weight="bold", va="center", **_PLAIN)
    if facts.simulated:
        frame = {"boxstyle": "round,pad=0.35", "facecolor": "#ece4ff", "edgecolor": "#4b2a9b", "linestyle": "--"}
        style: dict[str, Any] = {"size": 9, "weight": "bold", "color": "#4b2a9b", "bbox": frame}
        picture.text(0.975, 1 - 0.22 / tall, "SIMULATED", ha="right", va="center", **style)
    elif flags(facts):
        picture.text(0.975, 1 - 0.22 / tall, "see below", ha="right", va="center", color="#b3261e", weight="bold")
    for number, line in enumerate(reversed(words)):
        picture.text(0.02, (0.12 + number * _LINE_INCHES) / tall, line, size=7.5, color="#333333", **_PLAIN)
