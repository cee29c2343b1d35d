"""A journal entry as a CloudEvent on its way out; what was stored is put in untouched."""

import json
from datetime import UTC, datetime

from agent_workers.domain.ids import to_wire
from agent_workers.domain.running.journal_tail import Entry

CONTENT_TYPE = "application/cloudevents+json"


def routing_key(entry: Entry) -> str:
    return f"job.{entry.type}"


def body(entry: Entry) -> bytes:
    """Write the event; its id is the same each time, so that a reader can drop doubles."""
    job = to_wire(entry.job_id)
    head = {
        "specversion": "1.0",
        "id": f"{job}.{entry.number}",
        "source": f"/v1/jobs/{job}",
        "type": f"job.{entry.type}",
        "subject": job,
        "time": _rfc3339(entry.at),
        "datacontenttype": "application/json",
        "tenantid": entry.tenant_id,
        "sequence": f"{entry.number:010d}",
    }
    data = entry.data.decode("utf-8").strip() or "{}"
    return f'{json.dumps(head)[:-1]},"data":{data}}}'.encode()


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
