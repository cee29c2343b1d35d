"""Schemathesis attacks the live API with what its own document allows, and with what it forbids."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from agent_workers.domain.ids import TenantId
from tests.integration.api.batch_words import tell_of_batches
from tests.integration.api.event_words import tell_of_triggers
from tests.integration.api.live import AGENT, Live
from tests.integration.api.schedule_words import tell_of_schedules
from tests.integration.api.webhook_words import tell_of_webhooks

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
SECONDS = 30


# A cursor must be ours, and a key must not come again with another body: no document can say so.
# And a wait is a minute in which nothing else is tried.
LEFT_OUT = {"cursor", "Idempotency-Key", "wait"}

# The limits that the document has in words, since generators of clients cannot follow such a union.
_ITSELF = {"$ref": "#/components/schemas/Json"}
_TEXT = {"type": "string", "pattern": r"^[^\x00]*$"}
JSON = {
    "anyOf": [
        {"type": ["null", "boolean"]},
        {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
        {"type": "number"},
        _TEXT,
        {"type": "array", "items": _ITSELF},
        {"type": "object", "propertyNames": _TEXT, "additionalProperties": _ITSELF},
    ]
}


def told(document: Any) -> Any:
    """Add what only this server knows: which agents there are, what has no parent yet, what time it is."""
    document["components"]["schemas"]["Json"] = JSON
    asked = document["components"]["schemas"]["JobRequest"]["properties"]
    asked["agent"] = {"const": AGENT}
    asked["parent_job_id"] = {"type": "null"}
    # No document says what time it is.
    for name in ("run_at", "deadline"):
        asked[name] = {"enum": [None, "2199-01-01T00:00:00Z"]}
    tell_of_batches(document["components"]["schemas"])
    tell_of_schedules(document["components"]["schemas"])
    tell_of_webhooks(document["components"]["schemas"])
    tell_of_triggers(document["components"]["schemas"])
    server = document["components"]["schemas"]["NewMcpServer"]["properties"]
    server["url"] = {"const": "https://mcp.example.com/mcp"}
    for path in document["paths"].values():
        for operation in path.values():
            given = operation.get("parameters", [])
            operation["parameters"] = [p for p in given if p["name"] not in LEFT_OUT]
    return document


def test_nothing_that_can_be_sent_breaks_the_api(live: Live, tmp_path: Path):
    tenant = TenantId("schemathesis")
    with live.client(tenant) as client:
        document = told(client.get("/openapi.json").json())
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))
    ran = subprocess.run(
        [
            *(SCHEMATHESIS, "run", path, "--url", live.url),
            *("--header", f"Authorization: Bearer {live.token(tenant)}"),
            *("--max-examples", "20", "--max-time", str(SECONDS)),
            *("--exclude-operation-id", "listEvents"),  # a stream that stays open is no reply
            *("--exclude-operation-id", "uploadBatchItems"),  # lines, of which it knows nothing
            # One worker: CPython 3.11 parses syntax trees wrongly on two threads at once.
            *("--request-timeout", "30", "--seed", "7", "--no-color", "--workers", "1"),
            *("--suppress-health-check", "too_slow"),  # of the machine, not of the API
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS * 4,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-8_000:] + ran.stderr[-2_000:]
