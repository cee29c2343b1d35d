"""Events, triggers and dead letters over HTTP."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from agent_workers.client.http import Wire

# Any: JSON of the users' own shapes.
Json = dict[str, Any]
_EVENT = "application/cloudevents+json"


class TriggerCalls:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def send(self, event: Mapping[str, Any]) -> Json:
        """Send one CloudEvent; trying again starts nothing twice."""
        headers = {"content-type": _EVENT}
        told: Json = self._wire.call("POST", "/v1/events", body=dict(event), headers=headers).body
        return told

    def create(self, **members: object) -> Json:
        made: Json = self._wire.call("POST", "/v1/triggers", body=members, repeatable=False).body
        return made

    def change(self, trigger_id: str, **members: object) -> Json:
        changed: Json = self._wire.call("PATCH", _trigger(trigger_id), body=members).body
        return changed

    def get(self, trigger_id: str) -> Json:
        found: Json = self._wire.call("GET", _trigger(trigger_id)).body
        return found

    def delete(self, trigger_id: str) -> None:
        self._wire.call("DELETE", _trigger(trigger_id), repeatable=False)

    def all(self) -> list[Json]:
        return list(self._wire.rows("/v1/triggers"))

    def letters(self, *, state: str = "dead") -> list[Json]:
        """Return the messages that could not be taken, the oldest first."""
        return list(self._wire.rows("/v1/dead_letters", {"state": state}))

    def letter(self, letter_id: str) -> Json:
        found: Json = self._wire.call("GET", _letter(letter_id)).body
        return found

    def replay(self, letter_id: str) -> Json:
        """Take a message in again; its state says whether it worked."""
        told: Json = self._wire.call("POST", f"{_letter(letter_id)}/replay").body
        return told

    def discard(self, letter_id: str) -> Json:
        told: Json = self._wire.call("POST", f"{_letter(letter_id)}/discard").body
        return told


def _trigger(trigger_id: str) -> str:
    return f"/v1/triggers/{quote(trigger_id, safe='')}"


def _letter(letter_id: str) -> str:
    return f"/v1/dead_letters/{quote(letter_id, safe='')}"
