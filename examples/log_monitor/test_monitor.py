"""The monitor, tried without a server: each way that an alarm may go, in milliseconds."""

from datetime import timedelta

import pytest

from agent_workers import Absent, Call, Effect, Found, tool
from agent_workers.testing import RunningJob, job
from examples.log_monitor.agents import monitor
from examples.log_monitor.tools import diagnosed

LEAK = ["12:00 ERROR connection pool exhausted", "12:01 ERROR connection pool exhausted"]
A_WHILE = timedelta(seconds=5)


class Machine:
    """What the monitor's tools act on: services that run once they were restarted, and tickets."""

    def __init__(self, *, loses: int = 0) -> None:
        # So many replies to a restart are lost on the way.
        self.loses = loses
        self.restarts: dict[str, str] = {}
        self.tickets: list[str] = []

    def alarm(self, *lines: str) -> RunningJob:
        """Start the monitor's job for an alarm, with tools that act here."""

        @tool(name="inspect", effect=Effect.PURE, timeout=A_WHILE)
        def look(service: str, lines: list[str]) -> dict[str, object]:
            """Tell what is wrong with a service; whether it runs is known here."""
            return {
                "service": service,
                "is_running": service in self.restarts.values(),
            } | diagnosed(lines)

        def find_restart(service: str, *, call: Call) -> Found[object] | Absent:
            return Found(service) if self.restarts.get(call.key) == service else Absent()

        @tool(effect=Effect.RECONCILABLE, look_up=find_restart, timeout=A_WHILE)
        def restart_service(service: str, *, call: Call) -> dict[str, object]:
            """Restart a service, once."""
            self.restarts[call.key] = service
            self.loses -= 1
            if self.loses >= 0:
                raise ConnectionError("the reply was lost")
            return {"key": call.key}

        @tool(effect=Effect.KEYED, key_ttl=timedelta(hours=24), timeout=A_WHILE)
        def file_ticket(service: str, subject: str) -> dict[str, object]:
            """Leave a case to people, once."""
            self.tickets.append(f"{service}: {subject}")
            return {"id": len(self.tickets)}

        given = {"service": "search", "lines": list(lines)}
        return job(monitor, given, tools=[look, restart_service, file_ticket])


def test_a_service_that_runs_is_left_alone() -> None:
    machine = Machine()
    machine.restarts["by hand"] = "search"
    assert machine.alarm(*LEAK).run().answer == {"outcome": "healthy"}


def test_what_a_restart_would_not_mend_becomes_a_ticket_at_once() -> None:
    machine = Machine()
    done = machine.alarm("12:00 ERROR disk full: /var").run()
    assert done.answer["outcome"] == "file_ticket"
    assert (machine.tickets, machine.restarts) == (
        ["search: the disk is full (disk full: /var)"],
        {},
    )


def test_nothing_is_restarted_before_a_person_has_approved() -> None:
    machine = Machine()
    seen = machine.alarm(*LEAK).run()
    assert (seen.status, machine.restarts) == ("waiting", {})
    assert seen.waits[0].prompt["choices"] == ["approve", "reject"]


def test_what_a_person_approves_is_restarted_once() -> None:
    machine = Machine()
    running = machine.alarm(*LEAK)
    running.run()
    assert running.answer("approve").answer["outcome"] == "restart_service"
    assert len(machine.restarts) == 1


def test_what_a_person_rejects_becomes_a_ticket() -> None:
    machine = Machine()
    running = machine.alarm(*LEAK)
    running.run()
    assert running.answer("reject").answer["outcome"] == "file_ticket"
    assert (machine.restarts, len(machine.tickets)) == ({}, 1)


def test_who_is_asleep_has_not_approved() -> None:
    machine = Machine()
    running = machine.alarm(*LEAK)
    running.run()
    running.clock.advance(timedelta(hours=9))
    assert running.run().answer["outcome"] == "file_ticket"
    assert machine.restarts == {}


def test_a_restart_whose_reply_was_lost_is_looked_up_and_not_repeated() -> None:
    machine = Machine(loses=1)
    running = machine.alarm(*LEAK)
    running.run()
    running.answer("approve")
    done = running.run()
    assert (done.answer["outcome"], len(machine.restarts)) == ("restart_service", 1)
    assert [effect.state for effect in done.effects] == ["done"]


@pytest.mark.parametrize("said", ["perhaps", ""])
def test_only_what_was_offered_is_an_answer(said: str) -> None:
    running = Machine().alarm(*LEAK)
    running.run()
    with pytest.raises(Exception, match="must be one of"):
        running.answer(said)
