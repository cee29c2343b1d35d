"""The jobs of a soak: of every class, without a pause, some of them canceled on their way."""

import contextlib
import random
import threading
import time
from dataclasses import dataclass, field

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.proving.grounds import Asked, Ground
from agent_workers.proving.trials.trials import SERVER_FAULTS, VARIANTS, Fault, Trial
from agent_workers.testing import counting

TENANT = TenantId("soak")
_AGENT = "patient"
_EVERY_S = 0.15
_FAULTY = 0.15
_CANCELED = 0.06
_CANCEL_AFTER_S = (0.0, 2.5)


@dataclass(slots=True, kw_only=True)
class Jobs:
    """Submits without a pause, and remembers what was acknowledged."""

    ground: Ground
    counter_url: str
    random: random.Random
    acknowledged: dict[JobId, Trial] = field(default_factory=dict)
    refused: int = 0
    _to_cancel: dict[JobId, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        variants = [variant for variant in VARIANTS if variant.name != "keyed_short"]
        number = 0
        while not self._stop.wait(_EVERY_S):
            number += 1
            script = ""
            if self.random.random() < _FAULTY:
                script = self.random.choice(SERVER_FAULTS)
            canceled = self.random.random() < _CANCELED
            trial = Trial(
                number=number,
                variant=self.random.choice(variants),
                fault=Fault.CANCEL if canceled else Fault.NONE,
                script=tuple(script.split()),
            )
            self._submit(trial)
            self._cancel_due()

    def _cancel_due(self) -> None:
        """Cancel what was meant to be canceled about now; who cannot be reached is asked later."""
        now = time.monotonic()
        for job_id, at in list(self._to_cancel.items()):
            if at <= now:
                with contextlib.suppress(AgentWorkersError):
                    self.ground.control.cancel(TENANT, job_id, reason="soak", now=False)
                    del self._to_cancel[job_id]

    def stop(self) -> None:
        self._stop.set()

    def _submit(self, trial: Trial) -> None:
        for n in range(len(trial.variant.tools)):
            counting.prepare(
                self.counter_url,
                f"{trial.subject}/{n}",
                script=trial.script,
                shows_after_s=trial.variant.shows_after_s,
            )
        wish = {
            "counter": self.counter_url,
            "subject": trial.subject,
            "tools": list(trial.variant.tools),
        }
        asked = Asked(tenant_id=TENANT, agent=_AGENT, input=wish, plan_timeout_ms=5_000)
        try:
            job_id = self.ground.submit(asked)
            self.acknowledged[job_id] = trial
            if trial.fault is Fault.CANCEL:
                later = time.monotonic() + self.random.uniform(*_CANCEL_AFTER_S)
                self._to_cancel[job_id] = later
        except AgentWorkersError:
            self.refused += 1  # Postgres was down: nothing was promised
