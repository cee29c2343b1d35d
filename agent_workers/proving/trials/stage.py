"""The stage of one trial: its job, its workers, and what can be seen of both."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId, TenantId, effect_key
from agent_workers.domain.text.encoding import canonical
from agent_workers.proving.grounds import Asked, Ground
from agent_workers.proving.process.orders import Start, Trip
from agent_workers.proving.trials.crew import Cast, Crew
from agent_workers.proving.trials.outside import Outside
from agent_workers.proving.trials.trials import Fault, Trial
from agent_workers.proving.trials.wire import Wire
from agent_workers.state.database.engine import conninfo
from agent_workers.state.jobs.controls import GivenVerdict
from agent_workers.testing.counting import Count
from agent_workers.testing.trying import Tried

LOOK_S = 0.15
RESTING = {"succeeded", "failed", "canceled", "in_doubt", "quarantined"}
ENDED = {"succeeded", "failed", "canceled", "quarantined"}
ALL_LANES = ("plan", "tool", "effect", "evaluate")
# The counted agents after a deploy.
_LATER = "agent_workers.proving.outside.counted_later"
# Behind the plan.
_FIRST_TOOL = 1
_SPLIT = (("plan", "tool", "evaluate"), ("effect",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is submitted in a trial, and what its tools act upon."""

    outside: Outside
    agent: str = "counted"
    plan_timeout_ms: int = 1_000
    # How long after the last blow a job may take to come to rest.
    calm_s: float = 60.0
    # AGENT_* settings of its workers, by name.
    settings: Mapping[str, str] = field(default_factory=dict)
    # Files whose lines are crash points; none: those of the step path.
    files: tuple[str, ...] = ()

    @property
    def is_counted(self) -> bool:
        """False: the tools are a user's own, and somebody else counts."""
        return self.outside.counts_effects


@dataclass(slots=True, kw_only=True)
class Stage:
    """One trial's job and workers; everything here waits with a deadline."""

    trial: Trial
    ground: Ground
    crew: Crew
    job: Job
    cast: Cast = field(init=False)
    job_id: JobId = field(init=False)
    _hired: int = 0

    def __post_init__(self) -> None:
        self.cast = Cast(crew=self.crew)

    @property
    def tenant_id(self) -> TenantId:
        return TenantId(self.trial.subject)

    @property
    def tried(self) -> Tried:
        """What whoever counts must know of the trial."""
        return Tried(
            mark=self.job.outside.mark(self.trial),
            key=effect_key(self.job_id, _FIRST_TOOL).hex,
            job_id=self.job_id,
            tenant_id=self.tenant_id,
            database_url=conninfo(self.ground.database_url),
        )

    def submit(self) -> None:
        asked = Asked(
            tenant_id=self.tenant_id,
            agent=self.job.agent,
            input=self.job.outside.prepare(self.trial),
            plan_timeout_ms=self.job.plan_timeout_ms,
            astray=self.trial.variant.astray,
            unrung=self.trial.unrung,
        )
        self.job_id = self.ground.submit(asked)

    def hire(
        self,
        trips: tuple[Trip, ...] = (),
        *,
        lanes: tuple[str, ...] = ALL_LANES,
        wire: Wire | None = None,
    ) -> str:
        """Start a worker; its name."""
        self._hired += 1
        worker = f"{self.trial.subject}.{self._hired}"
        order = Start(
            worker=worker,
            settings=self._settings(wire),
            lanes=lanes,
            trips=trips,
            watch=self.trial.watch and not trips,
            files=self.job.files,
            prepare=self.trial.prepare,
            tools=_LATER if self.trial.deployed and self._hired > 1 else "",
        )
        self.cast.start(order)
        return worker

    def replace(self) -> None:
        """Let ordinary workers go on: one for all lanes, or two that share them."""
        for lanes in _SPLIT if self.trial.split else (ALL_LANES,):
            self.hire(lanes=lanes)

    def until(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Wait for something, looking again whenever a worker says a word."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            if reached():
                return True
            self.cast.listen(LOOK_S)
        return reached()

    def status(self) -> str:
        seen = self.ground.reads.job(self.tenant_id, self.job_id)
        return seen.status if seen else ""

    def error(self) -> str:
        """Why the job failed, if it did."""
        seen = self.ground.reads.job(self.tenant_id, self.job_id)
        return seen.error.decode() if seen and seen.error else ""

    def rests(self) -> bool:
        return self.status() in RESTING

    def counts(self) -> tuple[Count, ...]:
        return self.job.outside.counts(self.trial, self.tried)

    def resolve_doubt(self) -> None:
        """End a doubt as a person would who can ask the world outside; the job must go on."""
        until = time.monotonic() + self.job.calm_s
        while self.status() not in ENDED and time.monotonic() < until:
            for key in self.ground.proofs.doubts(self.tenant_id, self.job_id):
                try:
                    self._give_verdict(key)
                except AgentWorkersError:
                    continue  # too early, or its own evidence was quicker
            if not self.cast.alive:
                # Its own timer may have ended it, on a busy machine.
                self.replace()
            self.cast.listen(LOOK_S)

    def _give_verdict(self, key: UUID) -> None:
        happened = sum(count.applied for count in self.counts()) > 0
        self.ground.control.give_verdict(
            self.tenant_id,
            key,
            verdict=GivenVerdict.HAPPENED if happened else GivenVerdict.NOT_HAPPENED,
            result=canonical("seen by the judge") if happened else None,
            by="proof",
            reason="the counter was asked",
        )

    def _settings(self, wire: Wire | None) -> dict[str, str]:
        settings = dict(self.job.settings) | {
            "database_url": self.ground.database_url,
            "direct_database_url": self.ground.database_url,
            "broker_url": self.ground.broker_url,
        }
        if wire is None:
            return settings
        if Fault.REDIS in {self.trial.fault, self.trial.measures}:
            return settings | {"broker_url": through(wire, settings["broker_url"])}
        cut = through(wire, settings["database_url"])
        # Every other time the dead-man's connection is cut as well.
        both = {"database_url": cut, "direct_database_url": cut}
        return settings | (both if self.trial.number % 2 else {"database_url": cut})


def through(wire: Wire, url: str) -> str:
    """The same server, by way of a wire that can be cut."""
    before, at, place = url.rpartition("@")
    _, slash, name = place.partition("/")
    return f"{before}{at}127.0.0.1:{wire.own_port}{slash}{name}"
