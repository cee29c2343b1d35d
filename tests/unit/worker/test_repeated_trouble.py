"""While Postgres is away a keeper says so once, briefly, and then now and then."""

import threading

from structlog.testing import capture_logs
from typing_extensions import override

from agent_workers.domain.errors import StateUnavailable
from agent_workers.state.database.server_clock import ServerClock
from agent_workers.state.steps.workers import DeadMan
from agent_workers.worker.delivery import Busy
from agent_workers.worker.parts.repeated import SAID_EVERY_S, Repeated
from tests.unit.worker.keepers import keeper

_REFUSED = """connection failed: connection to server at "127.0.0.1", port 5432 failed: Connection refused
\tIs the server running on that host and accepting TCP/IP connections?"""


def test_what_repeats_is_told_at_first_and_then_with_how_often_it_came() -> None:
    now = [0.0]
    repeated = Repeated(lambda: now[0])
    assert [repeated.times() for _ in range(4)] == [1, 0, 0, 0]
    now[0] = SAID_EVERY_S
    assert repeated.times() == 4


class Lost(DeadMan):
    """Held when the keeper starts, and never again."""

    def __init__(self) -> None:
        self.asked = 0
        self.asked_often = threading.Event()

    @override
    def hold(self) -> bool:
        self.asked += 1
        if self.asked > 3:
            self.asked_often.set()
        if self.asked > 1:
            raise StateUnavailable(_REFUSED)
        return False

    @property
    @override
    def is_held(self) -> bool:
        return False

    @property
    @override
    def is_disturbed(self) -> bool:
        return False

    @override
    def let_go(self) -> None:
        """There is nothing to let go."""


class Still(ServerClock):
    def __init__(self) -> None:
        """Ask no server."""

    @override
    def look(self) -> None:
        """Ask no server."""


def test_a_keeper_says_in_a_few_words_that_the_database_is_away_and_not_each_time() -> None:
    lost = Lost()
    keeping = keeper(Busy(slots=1), [], dead_man=lost, clock=Still())
    with capture_logs() as logs:
        keeping.start()
        assert lost.asked_often.wait(10)
        keeping.stop()
    assert logs == [
        {
            "event": "keeper_failed",
            "log_level": "warning",
            "error": "Connection refused",
            "times": 1,
        }
    ]
