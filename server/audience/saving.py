"""What the bet is about: how many joules an arm saves against the first one, as the verdict's rounds have it. Pure."""

from engine.ledger import Ledger
from server.audience.bet import Answer, Subject

_TOKENS = 1000
"""A saving per token is a fraction of a joule, which nobody has a feeling for."""
_NOT_BEFORE = "not measured: that takes two whole rounds of each arm"
_NO_ENERGY = "not measured: the energy of these arms is not known"


def subject(ledger: Ledger, arms: list[dict[str, str]]) -> Subject | None:
    """The question about the run on stage, or about the demo with these `arms`; None with fewer than two."""
    if len(arms) < 2:
        return None
    first, *others = arms
    unit = next((books.info.unit for books in ledger.arms.values()), "token")
    return Subject(
        baseline=first["label"],
        contender=others[0]["label"] if len(others) == 1 else None,
        per=Subject.per if unit == "token" else unit,
    )


def saving(ledger: Ledger, *, simulated: bool = False, replay: bool = False) -> Answer:
    """The measured answer, from the same rounds as the verdict on energy; of several contenders, the most frugal one's.

    The interval is the verdict's, of the arms' ratio, at the first arm's mean energy.
    """
    run = ledger.start.run if ledger.start else None

    def unknown(why: str) -> Answer:
        return Answer(None, why=why, simulated=simulated, replay=replay, run=run)

    metric = ledger.metric() if len(ledger.arms) > 1 else ""
    if not metric.startswith("joules_"):
        return unknown(_NO_ENERGY if metric and ledger.verdicts(metric) else _NOT_BEFORE)
    found = min(ledger.verdicts(metric), key=lambda verdict: verdict.ratio, default=None)
    if found is None:
        return unknown(_NOT_BEFORE)
    rounds = zip(ledger.values(found.baseline, metric), ledger.values(found.contender, metric), strict=False)
    both = [(first, second) for first, second in rounds if first and second]
    scale = (_TOKENS if metric == "joules_per_token" else 1) * sum(first for first, _ in both) / len(both)

    def saved(ratio: float | None) -> float | None:
        return None if ratio is None else round(scale * (1 - ratio), 2)

    return Answer(saved(found.ratio), saved(found.high), saved(found.low), simulated=simulated, replay=replay, run=run)
