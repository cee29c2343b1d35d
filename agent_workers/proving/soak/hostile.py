"""The hostile tenant of a soak: what it does, how its work is ended, and what must be true then."""

import contextlib
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId, TenantId, to_wire
from agent_workers.proving.attacks import bombs, readers, work
from agent_workers.proving.attacks.connection import Connection
from agent_workers.proving.attacks.hostile import TENANT, Hostile
from agent_workers.proving.grounds import Asked, Ground
from agent_workers.proving.outside.hostile import EXITING, NAME
from agent_workers.proving.soak.blows import Blows
from agent_workers.proving.soak.fleet import Door
from agent_workers.proving.soak.judge import held
from agent_workers.proving.soak.strangers import ROWS_LOCKED
from agent_workers.state.access.keys import Keys

_ENDED = {"succeeded", "failed", "canceled"}
_TIMEOUT_S = 10.0
_AT_ONCE = 3
# Tenants take turns, process by process, and some of a turn is spent on what was begun before.
_FAIR, _SLACK = 2, 20
# So many are queued before anybody works, and are done when nothing else of it waits.
_QUEUED, _BEHIND_THE_REST = 300, work.HIGHEST - 10
_EVERY_S, _DOZE_S = 0.1, 1.0
_ATTACKS = (
    work.flood(jobs=1_000_000, seconds=_DOZE_S, every_s=_EVERY_S),
    work.schedules(10),
    work.calls("hang", every_s=1),
    work.calls("leave", every_s=20),
    work.calls("leave_acting", every_s=10),
    bombs.expressions(every_s=0.5),
    bombs.bodies(every_s=1),
    readers.idle_sockets(100),
    readers.slow_heads(20),
    readers.unread_files(20),
    readers.unread_streams(20),
)


@dataclass(slots=True, kw_only=True)
class Foe:
    """Attacks through the API for as long as the disasters last."""

    ground: Ground
    door: Door
    _hostile: Hostile = field(init=False)

    def __post_init__(self) -> None:
        key = Keys(self.ground.database, pepper=self.door.pepper).create(TENANT, name="soak")

        def connect() -> Connection:
            return Connection(port=self.door.port, token=key.token, timeout_s=_TIMEOUT_S)

        self._hostile = Hostile(connect=connect, port=self.door.port)

    def begin(self) -> None:
        wish = {"tool": "doze", "with": {"seconds": _DOZE_S}}
        asked = Asked(
            tenant_id=TENANT, agent=NAME, input=wish, priority=_BEHIND_THE_REST, unrung=True
        )
        for _ in range(_QUEUED):
            self.ground.submit(asked)
        self._hostile.begin(_ATTACKS)

    def end(self) -> None:
        """Attack no more. What is queued is ended by `end_work`."""
        self._hostile.end()

    def end_work(self) -> int:
        """Cancel whatever it has; how much there was."""
        self.ground.proofs.end_schedules(TENANT)
        statuses = self.ground.proofs.statuses(TENANT)
        left = [job_id for job_id, status in statuses.items() if status not in _ENDED]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._cancel, left))
        return len(left)

    def _cancel(self, job_id: JobId) -> None:
        with contextlib.suppress(AgentWorkersError):
            self.ground.control.cancel(TENANT, job_id, reason="soak", now=False)

    def note_deaths(self, blows: Blows) -> None:
        """A tool that ends its process takes the steps of others along."""
        claims = self.ground.proofs.claims(TENANT, EXITING)
        blows.died("hostile exit", [held(one) for one in claims])

    def wrongs(self, beside: TenantId, blows: Blows) -> list[str]:
        """What it did that no tenant may do."""
        statuses = self.ground.proofs.statuses(TENANT)
        stuck = [job_id for job_id, status in statuses.items() if status not in _ENDED]
        wrongs = [f"stuck: {to_wire(job_id)} of the hostile tenant, canceled" for job_id in stuck]
        passed = self.ground.proofs.passed_over(beside, by=TENANT)
        starved = [
            one
            for one in passed
            # A job whose row a stranger holds is passed over by everybody.
            if is_starved(one.theirs, one.own) and not blows.fell(ROWS_LOCKED, one.since, one.until)
        ]
        if starved:
            worst = max(starved, key=lambda one: one.theirs)
            wrongs.append(
                f"starved: {len(starved)} jobs; while one waited to begin, {worst.theirs} of the"
                f" hostile tenant began, and {worst.own} of its own"
            )
        return wrongs

    def told(self, beside: TenantId) -> str:
        statuses, did = self.ground.proofs.statuses(TENANT), self._hostile.did
        delays = self.ground.proofs.start_delays(beside)
        parts = ", ".join(f"{count} {name}" for name, count in sorted(did.items()))
        cuts = statistics.quantiles(delays, n=100) if len(delays) > 1 else [0.0] * 99
        return (
            f"hostile tenant: {len(statuses)} jobs, {parts}\n"
            f"beside it jobs started after {cuts[49]:.2f} s (p99 {cuts[98]:.1f},"
            f" longest {max(delays, default=0.0):.1f})"
        )


def is_starved(theirs: int, own: int) -> bool:
    """Say whether more of another tenant's jobs began, while one waited, than turns explain."""
    return theirs > _FAIR * own + _SLACK
