"""The Celery tasks plan, tool and evaluate: each answers a nudge, and knows nothing else."""

from collections.abc import Callable

from celery import Celery, Task

from agent_workers.transport.brokers.lanes import Task as Name
from agent_workers.worker.runtime import Runtime


def register_tasks(app: Celery, runtime: Callable[[], Runtime]) -> None:
    """Register the tasks; `runtime` gives the parts of the process that a task runs in."""
    for name in Name:
        app.task(_answer(runtime), name=name.value, bind=True, ignore_result=True)


def _answer(runtime: Callable[[], Runtime]) -> Callable[[Task, str, str, int], None]:
    def answer(self: Task, tenant_id: str, job_id: str, position: int) -> None:
        runtime().deliver(tenant_id, job_id, position, self.request.id)

    return answer
