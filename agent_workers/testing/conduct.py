"""How the effect counter treats a request: by the words of a trial's script."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What becomes of one request, and what its sender is told."""

    happens: bool = True
    # It gives the first result of a key again, if it was asked to.
    knows_key: bool = True
    # How often a look-up shows it.
    shows: int = 1
    # 0: no answer, the connection is reset.
    status: int = 200
    # How long it takes to answer, and how long after its answer it happens.
    slow_s: float = 0.0
    late_s: float = 0.0


CONDUCTS: Final = {
    "": Conduct(),
    "lose": Conduct(status=0),
    "drop": Conduct(happens=False, status=0),
    "slow": Conduct(status=0, slow_s=1.0),
    "late": Conduct(status=0, late_s=0.3),
    "deny": Conduct(happens=False, status=409),
    "refuse": Conduct(happens=False, status=404),
    "conflict": Conduct(happens=False, status=422),
    "fail": Conduct(happens=False, status=503),
    # It happened; what the tool does next, in its own process, fails in one way or another.
    "ledger": Conduct(status=202),
    "breaks": Conduct(status=203),
    "cancels": Conduct(status=206),
    "forget": Conduct(knows_key=False),
    "hide": Conduct(shows=0, status=0),
    "twin": Conduct(shows=2, status=0),
}
