"""Tools that run in a child process: honest ones, and some that would take a worker with them."""

import asyncio
import ctypes
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import NotExecuted
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Absent, Call, Contradictory, Found

PURE, RECONCILABLE = EffectClass.PURE, EffectClass.RECONCILABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    variables: list[str]
    process: int
    key: str


@tool(effect=PURE, isolated=True)
def look_around(greeting: str, *, call: Call) -> Seen:
    """Say what is around."""
    print(greeting)  # noqa: T201  # what a tool prints must not be taken for its answer
    around = sorted(os.environ)  # noqa: TID251  # that is the point
    return Seen(variables=around, process=os.getpid(), key=call.key)


@tool(effect=PURE, isolated=True)
async def later(word: str) -> str:
    """Say it a little later."""
    await asyncio.sleep(0)
    return word


@tool(effect=PURE, isolated=True)
def odd() -> dict[str, object]:
    """Give something that is no JSON."""
    return {"found": [object()]}


@tool(effect=PURE, isolated=True)
def crash() -> str:
    """Take the interpreter down."""
    return str(ctypes.string_at(0))


@tool(effect=PURE, isolated=True, timeout=timedelta(milliseconds=500))
def hang() -> str:
    """Never return."""
    time.sleep(600)
    return "never"


@tool(effect=PURE, isolated=True)
def swell() -> int:
    """Take more memory than there is."""
    return len([bytes(1 << 28) for _ in range(40)])


@tool(effect=PURE, isolated=True)
def swarm() -> str:
    """Take more memory than there is, a part in each of many processes."""
    for _ in range(6):
        if os.fork() == 0:
            kept = b"x" * (60 << 20)
            time.sleep(60)
            os._exit(len(kept) and 0)
    time.sleep(60)
    return "never"


def look(order: str) -> Found[str] | Absent | Contradictory:
    return Found(f"{order} was there") if order == "known" else Absent()


@tool(effect=RECONCILABLE, isolated=True, look_up=look)
def order_once(order: str) -> str:
    """Refuse whatever is not known, before anything has happened."""
    if order == "crash":
        os._exit(3)
    if order != "known":
        raise NotExecuted(f"{order} is not known")
    return order


@tool(effect=PURE, isolated=True)
def break_out(files: list[str], port: int, abstract: str) -> list[str]:
    """Name everything of the worker's that can be had."""
    return _got(files, port, abstract)


@tool(effect=PURE, isolated=True, network=(1,))
def break_out_online(files: list[str], port: int, abstract: str) -> list[str]:
    """Try the same with the network of this machine."""
    return _got(files, port, abstract)


def _got(files: list[str], port: int, abstract: str) -> list[str]:
    parent = f"/proc/{os.getppid()}/environ"
    wishes: dict[str, Callable[[], object]] = {
        **{name: Path(name).read_text for name in [*files, "/proc/1/environ", parent]},
        "loopback": lambda: _connects(port),
        "mptcp": lambda: _connects(port, 262),
        "abstract": lambda: socket.socket(socket.AF_UNIX).connect("\0" + abstract),
    }
    return [name for name, wish in wishes.items() if _is_granted(name, wish)]


def _is_granted(name: str, wish: Callable[[], object]) -> bool:
    try:
        found = wish()
    except OSError:
        return False
    # Its own, and that of what started it, hold nothing but what every child gets.
    return found != "" and not (name.endswith("environ") and "AGENT" not in str(found))


def _connects(port: int, protocol: int = 0) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol) as link:
        link.settimeout(2)
        link.connect(("127.0.0.1", port))
    return True


@tool(effect=PURE, isolated=True)
def stumble(key: str) -> str:
    """Look up what is not there."""
    return {"a": "b"}[key]
