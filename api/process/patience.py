"""How long and how much a client may take; what is large has time for every byte of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    head_s: float = 10.0
    head_bytes: int = 32 * 1024
    headers: int = 100
    body_s: float = 20.0
    reply_s: float = 30.0
    least_bytes_per_s: int = 16 * 1024
    # Longer than the proxies in front of us keep an idle connection: they close first.
    idle_s: float = 75.0
    pipelined: int = 16
    look_every_s: float = 1.0

    def time_for(self, seconds: float, size: int) -> float:
        return seconds + size / self.least_bytes_per_s
