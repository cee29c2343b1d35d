"""What is sent to jobs from outside: write it, then wake the workers and whoever is watching."""

from collections.abc import Mapping

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.mail import Letter, Sent
from agent_workers.orchestration.ports import Ring, Tell
from agent_workers.state.jobs.messages import Mail


class Mailing:
    def __init__(self, mail: Mail, *, ring: Ring, tell: Tell) -> None:
        self._mail = mail
        self._ring = ring
        self._tell = tell

    def send(self, letter: Letter, *, key: str | None, fingerprint: bytes) -> Sent:
        """Send an event to a job, once for each idempotency key."""
        if key is None:
            sent = self._mail.send(letter)
        else:
            sent = self._mail.send_once(letter, key=key, fingerprint=fingerprint)
        if sent.due:
            self._ring(sent.due, parent=None)
        return sent

    def answer(
        self, tenant_id: TenantId, job_id: JobId, answers: Mapping[str, bytes], *, by: str
    ) -> None:
        """Answer questions of a job."""
        due = self._mail.answer(tenant_id, job_id, answers, by=by)
        if due:
            self._ring(due, parent=None)
        self._tell(job_id)
