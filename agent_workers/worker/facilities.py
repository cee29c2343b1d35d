"""What this process gives to tools that ask for it by type: one maker for each facility."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent_workers.domain.facility import Made, NotInstalled
from agent_workers.domain.tool import Call


@dataclass(frozen=True, slots=True)
class Facilities:
    """Finds the maker of a facility; each call of a tool gets its own."""

    makers: Mapping[type, Made]

    def __call__(self, wanted: type, call: Call) -> object:
        maker = self.makers.get(wanted)
        if maker is None:
            raise NotInstalled(f"this worker has no {wanted.__name__}")
        return maker(call)


def facilities() -> Facilities:
    """Return the facilities of this process; nothing is opened before a tool asks."""
    return Facilities({})
