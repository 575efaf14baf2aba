"""The ways of watching that are compared, as a race of six arms that are all the same server. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.arms.openai import OpenAiLaunch
from engine.config import LABELS, Arm, Demo, Schedule
from engine.plan import Plan

MOST_VIEWERS = 100


@dataclass(frozen=True)
class Condition:
    """One way of watching: samples a second while a turn lasts (0: none, the counter is read at its edges), viewers."""

    label: str
    rate_hz: int
    viewers: int
    against: str
    """What it is compared with: only what it adds differs."""

    @property
    def name(self) -> str:
        """What it is called on screen and in the recording."""
        sampled = f"{self.rate_hz} Hz" if self.rate_hz else "sampler off"
        return f"{sampled}, {self.viewers} viewers" if self.viewers else sampled


def conditions(viewers: int = MOST_VIEWERS) -> list[Condition]:
    """Rates alone against none, then viewers against the same rate without them."""
    told = ((0, 0, "A"), (10, 0, "A"), (100, 0, "A"), (1000, 0, "A"), (100, viewers, "C"), (1000, viewers, "D"))
    return [Condition(label, *each) for label, each in zip(LABELS, told, strict=True)]


def observer_demo(demo: Demo, url: str, model: str, wanted: Sequence[Condition], schedule: Schedule) -> Demo:
    """`demo`'s workload on the server at `url`, once for each way of watching, by turns that favour none."""
    arms = [Arm(name=each.name, runtime="openai", url=url, model=model) for each in wanted]
    title, learn = "What watching costs", "The same server, more or less closely watched."
    return demo.model_copy(update={"title": title, "learn": learn, "arms": arms, "schedule": schedule})


def observer_plan(plan: Plan, demo: Demo, url: str) -> Plan:
    """`plan` for `demo`: its last arm, which serves at `url` already, as every arm of the race."""
    server = plan.arms[-1]
    launch = OpenAiLaunch(url, demo.arms[0].model)
    arms = [
        replace(server, label=label, arm=arm, launch=launch, sleeps=False)
        for label, arm in zip(demo.labels, demo.arms, strict=True)
    ]
    return replace(plan, name="observer", demo=demo, arms=arms, remarks={})
