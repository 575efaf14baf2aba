"""The energy table in words: wattrace's figure, whether it holds, and beside it every peer's and the ratio to ours."""

import math
from collections.abc import Sequence
from statistics import median

from bench.energy.cases import Case
from bench.energy.peers import Peer
from bench.energy.rounds import PEER_PHASES, Group
from bench.energy.score import Score, Trial, coverage
from bench.figures import Row, least, most

WIDTH = 18
COVERED_PERCENT, SHARPNESS = 95, 3


def name(case: Case) -> str:
    """The case in a line."""
    board = "" if case.board == "hopper" else f", {case.board}"
    what = f"--seconds {case.seconds}" if case.window == "seconds" else f"command {case.seconds} s"
    return f"{what:15} {case.name}{board}"


def title(peers: Sequence[Peer], phases: int) -> list[str]:
    """The table's head."""
    head = f"{'window          signal':58} {'asked':>6} {'wattrace':>9}  holds  "
    return [
        f"  worst error in %: wattrace of {phases} phases, peers of {PEER_PHASES}, and how many times ours that is",
        "  " + head + "".join(f"{peer.name:>{WIDTH}}" for peer in peers),
    ]


def lines(each: Group, peers: Sequence[Peer]) -> list[str]:
    """A line for each window."""
    found = []
    for score in each.scores:
        asked = "-" if score.case.percent is None else f"{score.case.percent:g}"
        holds = "NO" if score.wrong() else "yes"
        cells = "".join(f"{cell(each.peers.get(peer.name), score.worst):>{WIDTH}}" for peer in peers)
        found.append(f"  {name(score.case):58} {asked:>6} {score.worst:9.3f}  {holds:5}  {cells}")
        found += [f"      {words}" for words in score.wrong()]
    return found


def cell(error: float | str | None, ours: float) -> str:
    """A peer's worst error and how many times ours it is."""
    if not isinstance(error, float) or not math.isfinite(error):
        return "-" if error is None else "no figure"
    if not math.isfinite(ours) or ours > error:
        return f"{error:.3g} {'':8}" if not math.isfinite(ours) else f"{error:.3g} ({error / ours:.2f}x)"
    times = error / max(ours, 1e-4)
    return f"{error:.3g} ({'>999' if times > 999 else f'{times:.0f}'}x)"


def notes(played: Sequence[Group], peers: Sequence[Peer]) -> list[str]:
    """Why some peers have no figure, and what was said that nobody asked for."""
    where: dict[str, list[str]] = {f"{peer.name}: {peer.problem}": [] for peer in peers if peer.problem}
    for each in played:
        case = each.cases[0]
        label = f"{case.name}, {case.board}"
        for who, why in each.peers.items():
            if isinstance(why, str):
                where.setdefault(f"{who}: {why}", []).append(label)
        for score in each.scores:
            if score.unasked():
                where.setdefault(f"wattrace also says {score.unasked()}", []).append(name(score.case))
    return [f"  {what}" + (f" [{'; '.join(dict.fromkeys(at))}]" if at else "") for what, at in sorted(where.items())]


def rows_of(each: Group) -> list[Row]:
    """The same as figures."""
    return [_row(score, each) for score in each.scores]


def _row(score: Score, each: Group) -> Row:
    case = score.case
    others = "; ".join(f"{who} {error:.3g}" for who, error in each.peers.items() if isinstance(error, float))
    wrong = "; ".join(score.wrong())
    measured = f"{score.worst:.3f} %" + (f" ({wrong})" if wrong else "") + (f"; peers: {others}" if others else "")
    demands = [] if case.percent is None else [f"{case.percent:g} % at most"]
    demands += [f"flagged {flag}" for flag in case.flags]
    return Row(name(case), measured, score.worst, ", ".join(demands), not wrong)


def coverage_rows(trials: Sequence[Trial]) -> list[Row]:
    """How honest and how sharp the uncertainty is."""
    covered, ratio = coverage(trials)
    doubt = 100 * median((each.uncertainty or 0) / each.truth for each in trials)
    what = f"{len(trials)} random windows of commands"
    return [
        least(f"{what}: covered by uncertainty_joules", covered, COVERED_PERCENT, "%"),
        most("  median uncertainty over median error", ratio, SHARPNESS, "times", note=f" (median {doubt:.3f} %)"),
    ]
