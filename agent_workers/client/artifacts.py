"""What the client calls of the files that jobs wrote; `client.artifacts` is one of these."""

from urllib.parse import quote

from agent_workers.client.http import Json, Wire


class ArtifactCalls:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def all(self, job_id: str) -> list[Json]:
        """Return the files of a job by their names, without their content."""
        return list(self._wire.rows(_of(job_id), place="after", at_once=1_000))

    def read(self, job_id: str, name: str) -> bytes:
        return self._wire.fetch(f"{_of(job_id)}/{quote(name, safe='')}")


def _of(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}/artifacts"
