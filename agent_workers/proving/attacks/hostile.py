"""A tenant that carries out attacks, each in a thread of its own until it is over."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field

from agent_workers.domain.ids import TenantId
from agent_workers.proving.attacks.connection import Connection

TENANT = TenantId("hostile")
# The API may be down for a moment, or have enough of it.
_PAUSE_S = 0.3


@dataclass(slots=True, kw_only=True)
class Hostile:
    """`connect` opens a connection with a key of this tenant."""

    connect: Callable[[], Connection]
    port: int
    over: threading.Event = field(default_factory=threading.Event)
    did: Counter[str] = field(default_factory=Counter)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, attacks: "Sequence[Attack]") -> None:
        for one in attacks:
            thread = threading.Thread(target=self._carry_out, args=(one,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    def _carry_out(self, attack: "Attack") -> None:
        """Begin again whenever the API breaks it off."""
        while not self.over.wait(_PAUSE_S):
            with suppress(OSError, ValueError), closing(self.connect()) as connection:
                attack(self, connection)
                return


Attack = Callable[[Hostile, Connection], None]


def post(connection: Connection, path: str, body: Mapping[str, object]) -> str:
    """Send a request; returns the id of what it made, if anything."""
    answer = connection.post(path, json.dumps(body).encode()).body
    return str(answer.get("id", "")) if isinstance(answer, dict) else ""
