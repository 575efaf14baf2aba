"""The scene: documents in, what the next frame shows out. Pure; the server's only reader of documents.

It outlives runs: a `start` begins afresh, and a run whose process is gone without a `stop`
is shown as failed.
"""

from dataclasses import asdict
from typing import Any

from engine.clock import NS
from engine.documents import Descriptor, Document, Mark, MarkKind, Page, Start, Stop
from engine.errors import describe_exit
from engine.ledger import Ledger
from engine.sensing import Sensing
from server.armview import arm_view, pending
from server.following import Follower
from server.powers import Powers
from server.prefill import Prefill
from server.runclock import RunClock
from server.runinfo import clipped, is_power, run_info
from server.stageinfo import DemoInfo, ReplayInfo

HISTORY_POINTS = 200
_VERDICT_NS = NS // 2
"""How old a verdict may get: it only moves when a round does."""
_SENSOR_NS = NS
"""How often a frame says how the sensor is doing: it takes some milliseconds to tell, and says more of ten seconds."""
_OVER = frozenset({"done", "failed", "aborted"})


class Scene:
    """What is on stage now."""

    def __init__(self, *, period_ns: int, demo: DemoInfo | None = None, replay: ReplayInfo | None = None) -> None:
        self.demo, self.replay = demo, replay
        self._first_replay = replay
        self.edition = 0
        """Rises when a new `hello` is due: another run, another stream, another speed."""
        self._period_ns = period_ns
        self._reset("idle")

    def _reset(self, state: str) -> None:
        self.ledger = Ledger()
        self.clock = RunClock(self.replay.pace if self.replay else None)
        self.powers = Powers(self._period_ns)
        self._followers: dict[str, Follower] = {}
        self._prefills: dict[str, Prefill] = {}
        self._override: tuple[str, str] | None = (state, "")
        self._sampled_ns: int | None = None
        self.failing = ""
        """What has died, though the run goes on without it, or still tidies up before it ends."""
        self._verdict: dict[str, Any] | None = None
        self._verdict_ns: int | None = None
        self.sensing = Sensing()
        self._sensor: dict[str, Any] | None = None
        self._sensor_ns: int | None = None

    # -- what happens

    def begin(self) -> None:
        """A run has been asked for; its first document is not there yet."""
        self.replay = self._first_replay
        self._reset("preparing")
        self.edition += 1

    def end(self, returncode: int | None, last_words: str = "") -> None:
        """The run's process is gone: without a `stop` of its own, that is a failure."""
        if self.ledger.stop is None:
            reason = f"the race process {describe_exit(returncode)} before its run was over"
            self._override = ("failed", f"{reason}: {last_words}" if last_words else reason)
            self.clock.halt()

    def choose(self, demo: DemoInfo) -> None:
        """That demo would run next."""
        self.demo = demo
        self.edition += 1

    def leave(self, reason: str) -> None:
        """The replay has been stopped before its end."""
        if self.ledger.stop is None:
            self._override = ("aborted", reason)
            self.clock.halt()

    def fail(self, reason: str) -> None:
        """The run that was asked for cannot even be started."""
        self._override = ("failed", reason)

    def direct(self, replay: ReplayInfo, now_ns: int) -> None:
        """The replay goes on in another way."""
        if self.replay is not None and self.replay.paused and not replay.paused:
            self._sampled_ns = now_ns  # nothing came while nothing was due
        self.replay = replay
        self.clock.change_speed(replay.pace, now_ns)
        self.edition += 1

    def settle(self) -> None:
        """It is about to be copied, or to come on stage: what has gathered for frames goes where history is."""
        self.powers.fresh()

    def land(self, demo: DemoInfo | None, replay: ReplayInfo, t_ns: int, now_ns: int) -> None:
        """It was made elsewhere, of everything up to `t_ns` of a recording, and goes on here and now."""
        self.demo, self.replay, self._first_replay = demo, replay, replay
        self.clock.land(t_ns, now_ns, replay.pace)
        self._sampled_ns, self._sensor_ns, self._verdict_ns = now_ns, None, None

    def add(self, document: Document, now_ns: int) -> None:
        """Enter one document that has arrived at `now_ns` (the server's clock)."""
        if isinstance(document, Start):
            self._reset("preparing")
            self._override = None
            self._followers = {arm.label: Follower() for arm in document.arms}
            self._prefills = {arm.label: Prefill() for arm in document.arms}
            self.powers.begin_run(document)
        self.ledger.add(document)
        self.sensing.add(document)
        match document:
            case Page():
                self._page(document, now_ns)
            case Mark():
                self.clock.heard(document.end_t_ns or document.t_ns, now_ns)
                self._mark(document)
            case Stop():
                self.clock.stop(document.t_ns)
                self._verdict_ns = None
            case Start():
                self.clock.heard(0, now_ns)
                self.edition += 1
            case Descriptor():
                self.clock.heard(document.t_ns, now_ns)
                self.edition += 1
                if is_power(document.stream):
                    self.powers.expect(document.stream)

    def _page(self, page: Page, now_ns: int) -> None:
        if not page.t_ns:
            return
        self.clock.heard(page.t_ns[-1], now_ns)
        if page.stream.startswith("text."):
            if follower := self._followers.get(page.stream.removeprefix("text.")):
                follower.page(page)
        elif page.stream.startswith("progress."):
            if follower := self._followers.get(page.stream.removeprefix("progress.")):
                follower.line(page)
        elif is_power(page.stream):
            self.powers.add(page)
            self._sampled_ns = now_ns

    def _mark(self, mark: Mark) -> None:
        match mark.kind:
            case MarkKind.ROUND_BEGIN if mark.arm:
                self.powers.begin_round(mark.t_ns, mark.arm)
            case MarkKind.ROUND_END if mark.arm:
                self.powers.end_round(mark.end_t_ns or mark.t_ns, mark.arm)
                self._verdict_ns = None
            case MarkKind.WARNING if mark.state == "failing" or mark.data.get("code") == "sampler_died":
                self.failing = mark.text or "the race is failing"
            case _:
                pass
        if follower := self._followers.get(mark.arm or ""):
            follower.mark(mark)
        if prefill := self._prefills.get(mark.arm or ""):
            prefill.mark(mark)

    # -- what is shown

    @property
    def state(self) -> str:
        """The run's state, as frames have it."""
        return self._override[0] if self._override else self.ledger.state

    @property
    def reason(self) -> str:
        """Why it failed or was aborted."""
        return (self._override[1] if self._override else self.ledger.reason)[:300]

    @property
    def simulated(self) -> bool:
        """Whether any source is simulated, or would be."""
        start = self.ledger.start
        return any(start.simulated.values()) if start else bool(self.demo and self.demo.simulated)

    def payload(self, now_ns: int) -> dict[str, Any]:
        """The next frame's content; power that it brings is not brought again."""
        start, run_ns = self.ledger.start, self.clock.now(now_ns)
        return {
            **self._fresh_sensor(now_ns),
            "run": start.run if start else None,
            "run_t_ns": run_ns,
            "state": self.state,
            "reason": self.reason,
            "simulated": self.simulated,
            "replay": self.replay is not None,
            "age_ns": self._age(now_ns, run_ns),
            **self.powers.fresh(),
            "temperature_celsius": self.ledger.slow.get("temperature_celsius"),
            "arms": self._arms(run_ns or 0),
            "schedule": self._schedule(),
            "verdict": self._newest_verdict(now_ns),
        }

    def greeting(self, points: int = HISTORY_POINTS, *, descriptors: bool = True) -> dict[str, Any]:
        """What a `hello` tells beside the newest frame, its history merged to `points` buckets."""
        found = self.ledger.rig.descriptors.values() if descriptors else ()
        greeting: dict[str, Any] = {"run": self.run_info()}
        if greeting["run"] is None:
            greeting["demo"] = self.demo_info()
        greeting["descriptors"] = [item.model_dump(exclude_defaults=True) for item in found]
        greeting["sensor"] = self._sensor
        return greeting | self.powers.history(points)

    def run_info(self) -> dict[str, Any] | None:
        """What is known of the run as a whole, None before the first."""
        start = self.ledger.start
        if start is None:
            return None
        return run_info(start, self.ledger.rig.descriptors.values(), self.replay.told() if self.replay else None)

    def demo_info(self) -> dict[str, Any] | None:
        """The demo that would run."""
        if self.demo is None:
            return None
        info = asdict(self.demo)
        return {**info, "learn": clipped(info["learn"])}

    def age(self, now_ns: int) -> int | None:
        """How old the newest sample is, in nanoseconds; None when none is expected, or there is no sensor."""
        return self._age(now_ns, self.clock.now(now_ns))

    def is_fresh(self, t_ns: int | None, now_ns: int, limit_ns: int) -> bool:
        """Whether a reading from `t_ns` of the run is no older than `limit_ns`; of a run that is over none is."""
        run_ns = self.clock.now(now_ns)
        if t_ns is None or run_ns is None or self.state in _OVER:
            return False
        return run_ns - t_ns <= limit_ns * (max(1.0, self.replay.pace) if self.replay else 1)

    def _age(self, now_ns: int, run_ns: int | None) -> int | None:
        """How old the newest sample is: in a replay, since it came; None when none is expected, as in a paused one."""
        newest = self.ledger.rig.last_sample_t_ns
        if newest is None or run_ns is None or self._sampled_ns is None or self.state in _OVER:
            return None
        if self.replay is not None and self.replay.paused:
            return None
        return max(0, now_ns - self._sampled_ns if self.replay else run_ns - newest)

    def _arms(self, run_ns: int) -> dict[str, Any]:
        if self.ledger.start is None:
            return {arm["label"]: pending(self.simulated) for arm in (self.demo.arms if self.demo else ())}
        views = {label: arm_view(self.ledger, label, run_ns, self._followers[label]) for label in self.ledger.arms}
        period_ms = self._sensor["period_ms"]["power_instant"] if self._sensor else None
        for label, prefill in self._prefills.items():
            if spans := prefill.fresh(None if period_ms is None else period_ms * NS / 1000):
                views[label]["prefill"] = spans
        return views

    def _schedule(self) -> dict[str, Any]:
        ledger, running = self.ledger, self.ledger.current_rounds
        now = running[0] if running else None
        planned = self.demo.schedule.get("rounds") if self.demo else None
        planned = ledger.rounds_planned if ledger.start else planned
        finished = sum(len(books.rounds) for books in ledger.arms.values())
        begun = now.begun_t_ns if now else (ledger.phase_begun_t_ns if ledger.start else None)
        return {
            "phase": self.state,
            "round": now.number if now else finished or None,
            "rounds": planned,
            "arm": now.arm if now else None,
            **({"arms": [info.arm for info in running]} if len(running) > 1 else {}),
            "begun_t_ns": begun,
            "ends_t_ns": now.ends_t_ns if now else ledger.phase_ends_t_ns,
        }

    def _fresh_sensor(self, now_ns: int) -> dict[str, Any]:
        """`sensor`, for the few frames that have it."""
        if self._sensor_ns is not None and now_ns - self._sensor_ns < _SENSOR_NS:
            return {}
        self._sensor, self._sensor_ns = self.sensing.report(), now_ns
        return {"sensor": self._sensor}

    def _newest_verdict(self, now_ns: int) -> dict[str, Any] | None:
        if self._verdict_ns is None or now_ns - self._verdict_ns > _VERDICT_NS:
            verdict = self.ledger.verdict()
            self._verdict = verdict.as_dict() if verdict else None
            self._verdict_ns = now_ns
        return self._verdict
