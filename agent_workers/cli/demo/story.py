"""The demo's scenes: a policy, two tools together, and one refund despite a killed worker."""

import json
import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

from agent_workers.cli.demo.telling import Telling
from agent_workers.client.client import Client, Job
from agent_workers.client.errors import Refused
from agent_workers.local.system import System
from agent_workers.terminal.errors import CommandFailed
from agent_workers.terminal.printing import counted

POLICY = "Refunds must be within 7 days and the learning progress must be below 20%."
_KNOWN_AFTER_S = 60.0
_ACTING_AFTER_S = 30.0
_LOOK_EVERY_S = 0.02


def ask_policy(_: System, client: Client, telling: Telling) -> bool:
    """Ask what the policy is: plan, one tool, evaluate."""
    telling.title('1. "Please tell me the refund policy"  (one tool)')
    asked = {"user_id": "u-01", "request_id": "req-001"}
    job = _submit(client, "support", "Please tell me the refund policy", asked, telling)
    job = _follow(client, job, telling)
    telling.answer(job)
    telling.trace(client.trace(job.id))
    answered: bool = job.output == {"policy_text": POLICY}
    return answered


def ask_both(_: System, client: Client, telling: Telling) -> bool:
    """Ask about an order: two tools run side by side, and their findings are put together."""
    telling.title('2. "May I have a refund?"  (two tools side by side: the policy and the order)')
    question = {"message": "May I have a refund?", "order_id": "A-1001"}
    asked = {"user_id": "u-01", "request_id": "req-002"}
    job = _follow(client, _submit(client, "refund_check", question, asked, telling), telling)
    telling.answer(job)
    telling.trace(client.trace(job.id))
    return job.status == "succeeded" and bool(job.output["refundable"])


def ask_model(_: System, client: Client, telling: Telling) -> bool:
    """Ask the same of an agent whose model chooses the tool."""
    telling.title('4. "Please tell me the refund policy"  (a scripted model chooses the tool)')
    asked = {"user_id": "u-01", "request_id": "req-004"}
    job = _submit(client, "support_by_model", "Please tell me the refund policy", asked, telling)
    job = _follow(client, job, telling)
    telling.answer(job)
    telling.aside(
        f"{job.raw['usage']['input_tokens']} tokens in, {job.raw['usage']['cost_usd']} USD"
    )
    answered: bool = job.output == {"policy_text": POLICY}
    return answered


def pay_back(system: System, client: Client, telling: Telling) -> bool:
    """Pay back, and kill the worker between the payment and its answer."""
    telling.title('3. "Please refund my order"  (and kill -9 the worker in the middle)')
    before = refunds_at(system.refund_url)
    question = {"message": "Please refund my order", "order_id": "A-1001"}
    asked = {"user_id": "u-01", "request_id": "req-003"}
    job = _submit(client, "refund_desk", question, asked, telling)
    with telling.waiting_for("the payment"):
        _wait_for_payment(system, before)
    pid = system.supervisor.kill("worker-model")
    telling.aside(f"the refund is made and its answer is on the way: kill -9 {pid} (worker-model)")
    job = _follow(client, job, telling)
    telling.answer(job)
    telling.title("What the refund server counted")
    after = refunds_at(system.refund_url)
    made, requests = after.made - before.made, after.requests - before.requests
    good = job.status == "succeeded" and made == 1
    number = "one refund" if made == 1 else f"{made} refunds"
    calls = counted(requests, "request")
    return telling.verdict(f"{number}, for {calls} with one key", good=good)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunds:
    """What a refund server has counted."""

    made: int
    requests: int


def refunds_at(url: str) -> Refunds:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=5)) as connection:
        connection.request("GET", "/refunds")
        counted = json.loads(connection.getresponse().read())
    return Refunds(made=counted["refunds"], requests=counted["requests"])


def _submit(
    client: Client,
    agent: str,
    question: str | dict[str, str],
    metadata: dict[str, str],
    telling: Telling,
) -> Job:
    """Submit as soon as a worker has made the agent known."""
    deadline = time.monotonic() + _KNOWN_AFTER_S
    with telling.waiting_for(f"a worker that has the agent {agent!r}"):
        while True:
            try:
                return client.submit(agent, question, metadata=metadata)
            except Refused as error:
                if error.code != "unknown_agent" or time.monotonic() > deadline:
                    raise
            time.sleep(10 * _LOOK_EVERY_S)


def _follow(client: Client, job: Job, telling: Telling) -> Job:
    with telling.waiting_for("the job's next event"):
        for event in client.events(job.id):
            telling.event(event, job)
    return client.get(job.id)


def _wait_for_payment(system: System, before: Refunds) -> None:
    deadline = time.monotonic() + _ACTING_AFTER_S
    while refunds_at(system.refund_url).made == before.made:
        system.supervisor.check()
        if time.monotonic() > deadline:
            raise CommandFailed(
                f"no payment reached the refund server within {_ACTING_AFTER_S:.0f} s;"
                f" see the logs in {str(system.folder.logs)!r}"
            )
        time.sleep(_LOOK_EVERY_S)
