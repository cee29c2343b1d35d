"""A counterpart for tools that act over HTTP: it counts, honours keys, and misbehaves on demand."""

from dataclasses import dataclass
from urllib.parse import quote

from agent_workers.testing import counting
from agent_workers.testing.counting import Count


@dataclass(frozen=True, slots=True)
class EffectCounter:
    """A server in a process of its own, so that it outlives whatever is killed."""

    url: str

    def place(self, mark: str, *, keyed: bool = False) -> str:
        """Return where to POST; `keyed`: a key is honoured, and an effect happens once for each.

        The key is the header `Idempotency-Key`, or `key` in the query.
        """
        return f"{self.url}/effects/{quote(mark, safe='')}?keyed={int(keyed)}"

    def misbehave(self, mark: str, *faults: str) -> None:
        """Say what becomes of the next requests: lose, drop, slow, late, deny, fail and others.

        Keyed ones: conflict, forget; what is looked up: hide, twin.
        """
        counting.prepare(self.url, mark, script=faults)

    def found(self, mark: str, key: str) -> list[str]:
        """Look up, as a provider lets its callers, what happened under a key."""
        return counting.find(self.url, mark, key=key, timeout_s=10.0)

    def count(self, mark: str) -> Count:
        return counting.count(self.url, mark)

    def happened(self, mark: str) -> int:
        return self.count(mark).applied
