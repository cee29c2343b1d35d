"""What a system costs Postgres that has nothing to do."""

import time

import psutil

from tests.support.worker_system import System, until

_SECONDS = 20.0
_SPANS = 3
_MOST_EACH = 1.2
_COMMITS = "select xact_commit from pg_stat_database where datname = current_database()"
_RELAY = ("agent_workers.worker.programs.relay_main", "--exchange", "idle")


def commits_each_second(running: System) -> float:
    began, before = time.monotonic(), running.ask(_COMMITS)
    time.sleep(_SECONDS)
    commits: int = running.ask(_COMMITS) - before - 1
    return commits / (time.monotonic() - began)


def test_an_idle_process_asks_postgres_about_once_a_second_in_all(running: System) -> None:
    running.worker("models")
    effects = running.worker("effects", lanes="effect", pool="prefork")
    others = [
        running.start("beat", "agent_workers.worker.programs.beat"),
        running.start("deliver", "agent_workers.worker.programs.webhooks"),
        running.start("relay", *_RELAY, variables={"AGENT_RELAY_URL": running.broker_url}),
    ]
    running.wait_for(running.submit("answering"))
    until(lambda: len(psutil.Process(effects.pid).children()) == 2, "both children are there")
    time.sleep(8)  # who has worked looks more often for some seconds
    processes = 1 + 2 + len(others)
    # One quiet span is enough: now and then Postgres's own housekeeping commits as well.
    rates = (commits_each_second(running) / processes for _ in range(_SPANS))
    assert any(rate <= _MOST_EACH for rate in rates)
    assert all(one.is_alive for one in others)
