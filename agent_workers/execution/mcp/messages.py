"""The messages of JSON-RPC: written, and read from whoever may have written anything at all."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent_workers.execution.mcp.troubles import Garbled

# Of one message; what is longer is not even read.
MOST_BYTES: Final = 4 << 20
_NO_SUCH_METHOD: Final = -32601


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    number: int
    # Any: JSON of the server's shape.
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    number: int | None
    error: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The server wants something of us."""

    number: int | str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    method: str


Incoming = Answered | Failed | Asked | Told


def request(number: int, method: str, params: Mapping[str, object]) -> bytes:
    return _written({"id": number, "method": method, "params": dict(params)})


def notification(method: str) -> bytes:
    return _written({"method": method})


def reply_to(asked: Asked) -> bytes:
    """We answer that we are there, and offer nothing else: no model, no files, no people."""
    if asked.method == "ping":
        return _written({"id": asked.number, "result": {}})
    refusal = {"code": _NO_SUCH_METHOD, "message": "this client offers no methods"}
    return _written({"id": asked.number, "error": refusal})


def read(line: bytes) -> Incoming:
    """Read one message; raises `Garbled`."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Garbled(f"it sent something that is not JSON: {type(error).__name__}") from None
    if not isinstance(told, dict) or told.get("jsonrpc") != "2.0":
        raise Garbled("it sent something that is not JSON-RPC 2.0")
    method, number = told.get("method"), told.get("id")
    if isinstance(method, str):
        if isinstance(number, int | str):
            return Asked(number=number, method=method)
        return Told(method=method)
    if isinstance(told.get("error"), dict):
        return _failed(number, told["error"])
    result = told.get("result")
    if isinstance(number, bool) or not isinstance(number, int) or not isinstance(result, dict):
        raise Garbled("it sent a message that is neither a request nor a response")
    return Answered(number=number, result=result)


# Any: as above.
def _failed(number: object, error: Mapping[str, Any]) -> Failed:
    code = error.get("code")
    return Failed(
        number=number if isinstance(number, int) else None,
        error=code if isinstance(code, int) else 0,
        message=str(error.get("message") or "an error without a message"),
    )


def _written(message: Mapping[str, object]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode("ascii")
