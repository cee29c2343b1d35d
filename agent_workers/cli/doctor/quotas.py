"""Checks of quotas: who keeps nearly as much as they may, and will be refused soon."""

from collections.abc import Iterator, Sequence

from agent_workers.state.access.quotas import Full
from agent_workers.terminal.findings import Finding, ok, warn
from agent_workers.terminal.printing import bytes_in_words


def quotas(full: Sequence[Full]) -> Iterator[Finding]:
    for one in full:
        used, most = bytes_in_words(one.used), bytes_in_words(one.most)
        remedy = f"raise it: `agent-workers quotas set bytes NUMBER --tenant {one.tenant_id}`"
        yield warn(f"tenant {one.tenant_id!r} stores {used} of at most {most}", remedy)
    if not full:
        yield ok("no tenant is near its quota of bytes")
