"""`agent-workers webhooks listen`: brings events to a server on this machine, without a public URL."""

import argparse
import base64
import http.client
import json
import socket
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from agent_workers.cli.verbs import Verbs
from agent_workers.client.client import Client
from agent_workers.client.errors import Unreachable
from agent_workers.client.http import Json
from agent_workers.domain.webhooks.webhook import SECRET_PREFIX, signature
from agent_workers.terminal.errors import WronglyAsked

# Nobody is called there: the endpoint only says what is to be kept for us.
_NOWHERE = "https://listening.agent-workers.invalid/"
_LOOK_S = 1.0
# Transactions may commit out of their order: what was looked at once is looked at again.
_OVERLAP = timedelta(seconds=10)
_TIMEOUT_S = 15.0
_ATTEMPTS = 3
Forward = Callable[[dict[str, str], bytes], str]


def add_listen(add: Verbs) -> None:
    listen = add("listen", "forward new events to a URL, until Ctrl-C", _listen)
    listen.add_argument("--forward-to", required=True, metavar="URL", help="http://localhost:…")
    listen.add_argument(
        "--events", default="*", help="types, separated by commas, like job.failed,batch.* (all)"
    )


def _listen(client: Client, arguments: argparse.Namespace) -> int:
    place = urlsplit(arguments.forward_to)
    if place.scheme not in {"http", "https"} or not place.hostname:
        raise WronglyAsked(f"--forward-to {arguments.forward_to!r} is not an http or https URL")
    kinds = arguments.events.split(",")
    endpoint = client.webhooks.create(
        _NOWHERE, name=f"listen on {socket.gethostname()}", event_types=kinds, enabled=False
    )
    print(f"forwarding to {arguments.forward_to}, signed with {endpoint['signing_secret']}")
    try:
        Listening(client, endpoint, kinds, forward_to(place)).follow(lambda: False)
    finally:
        client.webhooks.delete(endpoint["id"])
    return 0


class Listening:
    """Follows what is announced from the endpoint's making on, each event once."""

    def __init__(
        self, client: Client, endpoint: Json, kinds: Sequence[str], forward: Forward
    ) -> None:
        self._client = client
        self._secret = base64.b64decode(endpoint["signing_secret"].removeprefix(SECRET_PREFIX))
        self._kinds = kinds
        self._forward = forward
        self._began = self._newest = datetime.fromisoformat(endpoint["created_at"])
        self._known: set[str] = set()

    def follow(self, enough: Callable[[], bool]) -> None:
        while not enough():
            try:
                self.look()
            except Unreachable as error:
                print(f"the API cannot be reached: {error}", flush=True)
            time.sleep(_LOOK_S)

    def look(self) -> None:
        """Forward what is new."""
        since, seen = max(self._began, self._newest - _OVERLAP), set()
        for event in self._client.webhooks.events(since):
            seen.add(event["id"])
            self._newest = max(self._newest, datetime.fromisoformat(event["timestamp"]))
            if event["id"] not in self._known and is_wanted(event["type"], self._kinds):
                self._known.add(event["id"])
                self._tell(event)
        self._known &= seen

    def _tell(self, event: Json) -> None:
        body = json.dumps(event, separators=(",", ":")).encode("ascii")
        said = ""
        for attempt in range(_ATTEMPTS):
            stamp = int(time.time())
            headers = {
                "content-type": "application/json",
                "webhook-id": event["id"],
                "webhook-timestamp": str(stamp),
                "webhook-signature": signature(self._secret, event["id"], stamp, body),
            }
            said = self._forward(headers, body)
            if said.startswith("2"):
                break
            time.sleep(attempt)
        at = datetime.now(UTC).strftime("%H:%M:%S")
        print(f"{at} {event['type']} {event['id']} -> {said}", flush=True)


def is_wanted(kind: str, wanted: Collection[str]) -> bool:
    return "*" in wanted or kind in wanted or f"{kind.partition('.')[0]}.*" in wanted


def forward_to(place: SplitResult) -> Forward:
    secure = place.scheme == "https"
    connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")

    def forward(headers: dict[str, str], body: bytes) -> str:
        connection = connect(place.hostname or "", place.port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"
        else:
            return f"{response.status} {response.reason}"
        finally:
            connection.close()

    return forward
