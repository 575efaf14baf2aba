"""What a check found, and what it comes to. Pure records."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Weight = Literal["error", "warning"]
Verdict = Literal["good", "unverified", "cut off", "wrong"]
"""From the best to the worst."""

_MOST_OF_A_KIND = 20


@dataclass(frozen=True)
class Finding:
    """One thing to say: `error` where the recording contradicts itself, `warning` where a reader should know."""

    weight: Weight
    code: str
    text: str
    line: int | None = None
    """The document's line, from 1, where it is about one."""

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else ""
        return f"{place}{self.text}"


@dataclass
class StreamFacts:
    """One stream: its rows, how far apart they should be, and where some are missing."""

    rows: int = 0
    period_ns: int | None = None
    first_t_ns: int | None = None
    last_t_ns: int | None = None
    gaps: int = 0
    untold_gaps: int = 0
    longest_gap_ns: int = 0


@dataclass
class Report:
    """The check of one recording. `cut` says where it was cut off: behind which line, byte and time; None if whole."""

    file: str
    run: str | None = None
    schema_version: int | None = None
    wattrace_version: str | None = None
    simulated: bool | None = None
    lines: int = 0
    bytes: int = 0
    newest_t_ns: int = 0
    streams: dict[str, StreamFacts] = field(default_factory=dict)
    rounds: int = 0
    requests: int = 0
    sealed: bool = False
    """Whether its stop has a digest, so that any change would have been seen."""
    recomputed: bool = False
    """Whether its stop tells figures, so that they could be compared with what follows from the samples."""
    unverified: bool = False
    """Whether another method worked the stop's figures out, so that nobody can say whether they follow."""
    cut: dict[str, Any] | None = None
    findings: list[Finding] = field(default_factory=list)
    _told: Counter[str] = field(default_factory=Counter)

    def add(self, weight: Weight, code: str, text: str, line: int | None = None) -> None:
        """Say it; of each kind only the first few."""
        self._told[code] += 1
        if self._told[code] <= _MOST_OF_A_KIND:
            self.findings.append(Finding(weight, code, text, line))

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        if any(finding.weight == "error" for finding in self.findings):
            return "wrong"
        if self.cut is not None:
            return "cut off"
        return "unverified" if self.unverified else "good"

    def as_dict(self) -> dict[str, Any]:
        """As `wattrace check --json` prints it."""
        found = asdict(self)
        counts = found.pop("_told")
        untold = {code: number - _MOST_OF_A_KIND for code, number in counts.items() if number > _MOST_OF_A_KIND}
        return {"verdict": self.verdict, **found, "more_findings": untold}
