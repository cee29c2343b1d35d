"""The way to one server: a request goes there and its answer comes back, in bounded time."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from agent_workers.domain.mcp.servers import McpServer

# Seconds that are left; 0 when time is up.
Left = Callable[[], float]
# Any: JSON of the server's shape.
Result = Mapping[str, Any]
OnTold = Callable[[str], None]


class Link(Protocol):
    """An open way to a server, for many threads at once."""

    @property
    def is_open(self) -> bool: ...

    def ask(self, method: str, params: Mapping[str, object], left: Left) -> Result:
        """Wait for the answer to a request; raises `Trouble`."""
        ...

    def tell(self, method: str, left: Left) -> None:
        """Send a notification; raises `Trouble`."""
        ...

    def agree(self, protocol: str) -> None:
        """Note which version of the protocol both sides speak from now on."""
        ...

    def close(self) -> None: ...


# Starts a program or connects to an address; what the server tells unasked goes to `OnTold`.
OpenLink = Callable[[McpServer, OnTold, Left], Link]
