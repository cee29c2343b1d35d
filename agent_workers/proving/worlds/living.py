"""Lives through one random world: submit, let everything befall it, let others go on, judge."""

import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.text.encoding import canonical
from agent_workers.proving.outside.wild import subject_of
from agent_workers.proving.process.orders import Blow, Trip
from agent_workers.proving.trials.stage import ENDED, LOOK_S, Stage
from agent_workers.proving.trials.trials import Fault, Trial, Variant, kill, stop
from agent_workers.proving.trials.wire import Cut, Wires
from agent_workers.proving.worlds.judge import Lived, judged
from agent_workers.proving.worlds.worlds import Misfortune, World
from agent_workers.state.jobs.controls import GivenVerdict
from agent_workers.state.proving import disturbing
from agent_workers.testing import counting
from agent_workers.testing.counting import Count
from agent_workers.testing.trying import Tried

_STRIKE_S = 4.0
_WAKE_S = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfWorld:
    """What the tools of a world act upon: the counter, told how its server behaves."""

    world: World
    url: str

    @property
    def counts_effects(self) -> bool:
        return True

    def mark(self, trial: Trial) -> str:
        return trial.subject

    def prepare(self, trial: Trial) -> object:
        for number, call in enumerate(self.world.calls):
            counting.prepare(self.url, subject_of(trial.subject, 0, number), script=call.server)
        return self.world.wish() | {"counter": self.url, "subject": trial.subject}

    def counts(self, trial: Trial, tried: Tried) -> tuple[Count, ...]:  # noqa: ARG002 (by subjects)
        calls = range(len(self.world.calls))
        return tuple(counting.count(self.url, subject_of(trial.subject, 0, n)) for n in calls)


def trial_of(number: int, world: World) -> Trial:
    nothing = Variant(name="wild", tools=(), may_doubt=True)
    return Trial(number=number, variant=nothing, fault=Fault.NONE, split=world.split)


@dataclass(slots=True, kw_only=True)
class Living:
    """One world under way."""

    stage: Stage
    world: World
    wires: Wires
    url: str
    _frozen: list[str] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def live(self) -> Lived:
        stage = self.stage
        try:
            stage.submit()
            for misfortune in self.world.misfortunes:
                if stage.status() in ENDED:
                    break
                self._befall(misfortune)
            self._come_to_rest()
            for worker in self._frozen:
                self._wake(worker)
            self._resolve_doubts()
            return judged(stage, self.world, self.url)
        finally:
            self._stack.close()
            stage.cast.end()
            stage.ground.clear()

    def _befall(self, misfortune: Misfortune) -> None:
        match misfortune.blow:
            case "kill":
                self._strike(kill_at(misfortune), "ended")
            case "doze" | "freeze":
                self._freeze(misfortune)
            case "cut":
                self._cut(misfortune)
            case "backend":
                self._after(misfortune)
                disturbing.terminate_backend(self.stage.ground.database_url)
            case "flush":
                self._after(misfortune)
                self.stage.ground.clear_doorbells()
            case _:
                self._after(misfortune)
                self._stop(misfortune)

    def _strike(self, trip: Trip, *events: str) -> str:
        worker, cast = self.stage.hire((trip,)), self.stage.cast
        self.stage.until(lambda: cast.has(worker, *events) or self.stage.rests(), _STRIKE_S)
        return worker

    def _freeze(self, misfortune: Misfortune) -> None:
        worker = self._strike(stop_at(misfortune), "stopped", "ended")
        if not self.stage.cast.has(worker, "stopped"):
            return
        if misfortune.blow == "freeze":
            self._frozen.append(worker)
            return
        self.stage.replace()
        self.stage.until(lambda: False, misfortune.seconds)
        self._wake(worker)

    def _cut(self, misfortune: Misfortune) -> None:
        address, port = self.stage.ground.place
        how = list(Cut)[misfortune.number % len(Cut)]
        wire = self._stack.enter_context(
            self.wires.laid(address, port, at=misfortune.number, how=how)
        )
        self.stage.hire(wire=wire)
        self.stage.until(lambda: wire.is_cut.is_set() or self.stage.rests(), _STRIKE_S)

    def _after(self, misfortune: Misfortune) -> None:
        """Let an ordinary worker get somewhere."""
        self.stage.hire()
        self.stage.until(self.stage.rests, misfortune.seconds)

    def _stop(self, misfortune: Misfortune) -> None:
        control, place = self.stage.ground.control, (self.stage.tenant_id, self.stage.job_id)
        try:
            if misfortune.blow == "cancel":
                control.cancel(*place, reason="a random world", now=False)
            else:
                control.pause(*place, reason="a random world")
                self.stage.until(lambda: False, misfortune.seconds)
                control.resume(*place)
        except AgentWorkersError:
            return  # it had ended already

    def _come_to_rest(self) -> None:
        """Workers whose own timers end them on a busy machine are started again."""
        until = time.monotonic() + self.stage.job.calm_s
        self.stage.replace()
        while not self.stage.rests() and time.monotonic() < until:
            if not self.stage.cast.alive - set(self._frozen):
                self.stage.replace()
            self.stage.cast.listen(LOOK_S)

    def _wake(self, worker: str) -> None:
        since = len(self.stage.cast.heard)
        self.stage.cast.signal(worker, signal.SIGCONT)
        self.stage.cast.wait_for(worker, "idle", "ended", seconds=_WAKE_S, since=since)

    def _resolve_doubts(self) -> None:
        """End each doubt by what the counter says of just that effect; the job must go on."""
        stage = self.stage
        until = time.monotonic() + stage.job.calm_s
        while stage.status() not in ENDED and time.monotonic() < until:
            for key, subject in stage.ground.proofs.doubted_subjects(stage.tenant_id, stage.job_id):
                happened = counting.count(self.url, subject).applied > 0
                try:
                    stage.ground.control.give_verdict(
                        stage.tenant_id,
                        key,
                        verdict=GivenVerdict.HAPPENED if happened else GivenVerdict.NOT_HAPPENED,
                        result=canonical("seen by the judge") if happened else None,
                        by="proof",
                        reason="the counter was asked",
                    )
                except AgentWorkersError:
                    continue  # too early, or its own evidence was quicker
            if not stage.cast.alive:
                stage.replace()
            stage.cast.listen(LOOK_S)


def kill_at(misfortune: Misfortune) -> Trip:
    if misfortune.point:
        return kill(misfortune.point)
    return Trip(blow=Blow.KILL, line=misfortune.number)


def stop_at(misfortune: Misfortune) -> Trip:
    if misfortune.point:
        return stop(misfortune.point)
    return Trip(blow=Blow.STOP, line=misfortune.number)
