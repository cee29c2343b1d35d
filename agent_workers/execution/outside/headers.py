"""Which headers a tool's request may carry: none that change how the request itself is read."""

import re
from collections.abc import Mapping

from agent_workers.domain.outside.http import NotCallable

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\t -~]{0,4096}")
_MOST = 50
_OURS = frozenset(
    "accept-encoding connection content-length expect host keep-alive te trailer"
    " transfer-encoding upgrade".split()
)
# What may be shown to another host than the one that it was meant for.
_HARMLESS = frozenset({"accept", "accept-language", "user-agent"})


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what could end a header, begin another, or hide a second request in the first."""
    if len(headers) > _MOST:
        raise NotCallable(f"there are more than {_MOST} headers")
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise NotCallable(f"{name!r} is not the name of a header")
        if name.lower() in _OURS or name.lower().startswith("proxy-"):
            raise NotCallable(f"a tool may not set the header {name!r}")
        if not _VALUE.fullmatch(value):
            raise NotCallable(f"the header {name!r} must be one line of printable ASCII")


def safe_elsewhere(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in headers.items() if name.lower() in _HARMLESS}
