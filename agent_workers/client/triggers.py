"""Events, triggers and dead letters over HTTP."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from agent_workers.client.http import Json, Wire

_EVENT = "application/cloudevents+json"


class TriggerCalls:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def send(self, event: Mapping[str, Any]) -> Json:
        """Send one CloudEvent; trying again starts nothing twice."""
        headers = {"content-type": _EVENT}
        return self._wire.ask("POST", "/v1/events", body=dict(event), headers=headers)

    def create(self, **members: object) -> Json:
        return self._wire.ask("POST", "/v1/triggers", body=members, repeatable=False)

    def change(self, trigger_id: str, **members: object) -> Json:
        return self._wire.ask("PATCH", _trigger(trigger_id), body=members)

    def get(self, trigger_id: str) -> Json:
        return self._wire.ask("GET", _trigger(trigger_id))

    def delete(self, trigger_id: str) -> None:
        self._wire.call("DELETE", _trigger(trigger_id), repeatable=False)

    def all(self) -> list[Json]:
        return list(self._wire.rows("/v1/triggers"))

    def letters(self, *, state: str = "dead") -> list[Json]:
        """Return the messages that could not be taken, the oldest first."""
        return list(self._wire.rows("/v1/dead_letters", {"state": state}))

    def letter(self, letter_id: str) -> Json:
        return self._wire.ask("GET", _letter(letter_id))

    def replay(self, letter_id: str) -> Json:
        """Take a message in again; its state says whether it worked."""
        return self._wire.ask("POST", f"{_letter(letter_id)}/replay")

    def discard(self, letter_id: str) -> Json:
        return self._wire.ask("POST", f"{_letter(letter_id)}/discard")


def _trigger(trigger_id: str) -> str:
    return f"/v1/triggers/{quote(trigger_id, safe='')}"


def _letter(letter_id: str) -> str:
    return f"/v1/dead_letters/{quote(letter_id, safe='')}"
