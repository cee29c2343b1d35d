"""Runs a job of an agent in a test: with the rules of the real engine, and without any server."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, ParamSpec
from uuid import UUID, uuid5

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.ids import EffectKey, JobId, TenantId
from agent_workers.domain.job import Submission
from agent_workers.domain.mail import Letter
from agent_workers.domain.step import StepStatus
from agent_workers.domain.text.encoding import canonical
from agent_workers.domain.tools.tool import Statement, Tool
from agent_workers.domain.wait import WaitKind
from agent_workers.testing.clock import FakeClock
from agent_workers.testing.engine import registry_of, worker_of
from agent_workers.testing.memory.rows import Job
from agent_workers.testing.memory.store import Store, Worker
from agent_workers.testing.memory.submitting import submit
from agent_workers.testing.models import Talks
from agent_workers.testing.seen import JobSeen, seen

TENANT: Final = TenantId("test")
_JOBS: Final = UUID("5b1b9a0e-6f5c-5d0e-8a53-6a1e0d5c7f21")
# What goes on when somebody says so, not when a time has come.
_FOR_OTHERS: Final = frozenset({WaitKind.PERSON, WaitKind.EVENT, WaitKind.CHILD, WaitKind.WORKER})
_MOST_STEPS: Final = 10_000
Given = ParamSpec("Given")


class RunningJob:
    """A job that a test moves on; its time is that of `clock`."""

    def __init__(self, store: Store, worker: Worker, job: Job, clock: FakeClock) -> None:
        self._store = store
        self._worker = worker
        self._job = job
        self.clock = clock

    @property
    def seen(self) -> JobSeen:
        """The job as it is now."""
        return seen(self._store.rows, self._job)

    def work(self) -> JobSeen:
        """Do all that is due now; the clock stands still."""
        for number, _ in enumerate(self._worker.work()):
            if number > _MOST_STEPS:
                raise AssertionError(f"more than {_MOST_STEPS} steps, and still more is due")
        return self.seen

    def run(self) -> JobSeen:
        """Work until the job has ended or waits for somebody; the clock passes over retries and timers."""
        for _ in range(_MOST_STEPS):
            self.work()
            if self._job.has_ended or not self._move():
                break
        return self.seen

    def answer(self, value: object, *, key: str = "") -> JobSeen:
        """Answer the question that the job asks, as a person would; `key`: which, if there are several."""
        asked = self._asked(key)
        answers = {asked[1]: canonical(value)}
        self._store.mail.answer(TENANT, asked[0].job_id, answers, by="test")
        return self.work()

    def send(self, name: str, data: object = None) -> JobSeen:
        """Send the job an event."""
        letter = Letter(
            tenant_id=TENANT,
            job_id=self._job.job_id,
            sender=f"test:{len(self._job.mail)}",
            name=name,
            data=canonical(data),
        )
        self._store.mail.send(letter)
        return self.work()

    def cancel(self, reason: str = "") -> JobSeen:
        self._store.controls.stop(TENANT, self._job.job_id, reason=reason, now=False)
        return self.work()

    def pause(self, reason: str = "") -> JobSeen:
        self._store.controls.pause(TENANT, self._job.job_id, reason=reason)
        return self.seen

    def resume(self) -> JobSeen:
        self._store.controls.resume(TENANT, self._job.job_id)
        return self.work()

    def settle(self, verdict: str, *, result: object = None, key: str = "") -> JobSeen:
        """Say what became of an effect in doubt: `happened`, `not_happened` or `abandon`."""
        doubted = [one for one in self.seen.effects if one.state == "in_doubt"]
        found = UUID(key or doubted[0].key)
        given = canonical(result)
        self._store.permits.give_verdict(TENANT, EffectKey(found), verdict, given, "a test says so")
        return self.work()

    def _asked(self, key: str) -> tuple[Job, str]:
        """Find the one question that is meant, of the job or of one that it has started."""
        asked = [
            (job, waiting.wait.key)
            for job, _, waiting in self._store.rows.waiting()
            if waiting.wait.kind is WaitKind.PERSON and key in {"", waiting.wait.key}
        ]
        if len(asked) != 1:
            open_ones = ", ".join(repr(one) for _, one in asked) or "none"
            raise AssertionError(
                f"the job asks {len(asked)} questions like that ({open_ones}): say which one with"
                f" key=; its status is {self._job.status}"
            )
        return asked[0]

    def _move(self) -> bool:
        """Let time pass until something is due that waits for nobody."""
        rows = self._store.rows
        passes = [
            step.due_at
            for job in rows.jobs.values()
            for step in job.steps
            if step.status is StepStatus.READY and not _is_for_others(job, step.position)
        ]
        limits = [
            job.deadline_at for job in rows.jobs.values() if job.deadline_at and not job.has_ended
        ]
        if not passes or self._job.pause_requested:
            return False
        self.clock.advance(max(timedelta(0), min([*passes, *limits]) - self.clock.now()))
        return True


def job(  # noqa: PLR0913 (what a job may be given, each by its name)
    agent: Agent | str,
    given_input: object,
    *,
    model: Talks | None = None,
    tools: Sequence[Tool] = (),
    given: Sequence[object] = (),
    agents: Sequence[Agent | Path] = (),
    modules: Sequence[str] = (),
    clock: FakeClock | None = None,
    execute: Callable[[Sequence[Statement]], object] = lambda _: None,
    max_cost_micro: int = 0,
    max_steps: int = 1_000,
    deadline: timedelta | None = None,
    user_id: str = "",
) -> RunningJob:
    """Submit a job, and do nothing of it yet.

    `model`: what models say, in order; a file of scenarios; or a model such as `recorded_model`.
    `tools` take the place of the agent's tools of the same name, and `given` holds what stands for
    facilities. `agents` are others that it may turn to, and files of agents; `modules` is what a
    worker would be given as AGENT_TOOLS. `execute` runs the statements of transactional tools.
    """
    clock = clock or FakeClock()
    own = (agent,) if isinstance(agent, Agent) else ()
    name = agent.name if isinstance(agent, Agent) else agent
    store = Store(clock, execute=execute)
    registry = registry_of((*own, *agents), tools, modules)
    worker = worker_of(store, registry, model=model, given=given)
    said = canonical(given_input)
    if name not in store.rows.agents:
        raise AssertionError(
            f"there is no agent {name!r}, only {', '.join(registry.names()) or 'none'}"
        )
    submission = Submission(
        tenant_id=TENANT,
        # The same in each run of a test: so are the keys of its effects.
        job_id=JobId(uuid5(_JOBS, f"{name}:{said.hex()}")),
        agent=name,
        input=said,
        max_cost_micro=max_cost_micro,
        max_steps=max_steps,
        deadline=deadline,
        user_id=user_id,
    )
    submit(store.rows, submission, store.rows.agents[name])
    return RunningJob(store, worker, store.rows.jobs[TENANT, submission.job_id], clock)


def _ran(made: Callable[Given, RunningJob]) -> Callable[Given, JobSeen]:
    def run(*args: Given.args, **kwargs: Given.kwargs) -> JobSeen:
        return made(*args, **kwargs).run()

    return run


# Takes what `job` takes; the job is done as far as it goes by itself.
run_job = _ran(job)


def _is_for_others(job: Job, position: int) -> bool:
    waiting = job.waits.get(position)
    return waiting is not None and not waiting.is_answered and waiting.wait.kind in _FOR_OTHERS
