"""Programs that want out: nothing that is not their own can be reached from any level."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from agent_workers.execution.sandbox.ports import Finished, Sandbox
from tests.integration.sandbox.conftest import run

# Everything that can be tried with files and sockets; what succeeds is named in the result.
ESCAPES = """
result = []

def attempt(name, work):
    if only and name not in only:
        return
    try:
        found = work()
    except Exception:
        return
    if found:
        result.append([name, str(found)[:200]])

def environs():
    import os
    found = []
    for one in os.listdir("/proc"):
        if one.isdigit():
            try:
                found += reads("/proc/" + one + "/environ").split("\\0")
            except OSError:
                pass
    return [one for one in found if one.split("=")[0] not in ("", "PATH", "HOME", "LANG", "PWD")]

def connects(kind, place):
    import socket
    with socket.socket(getattr(socket, kind)) as link:
        link.settimeout(1)
        link.connect(tuple(place) if isinstance(place, list) else place)
        return "connected"

def reads(place):
    with open(place) as file:
        return file.read()

def writes(place):
    with open(place, "w") as file:
        file.write("x")
    return place

def calls(name, *arguments):
    import ctypes
    return getattr(ctypes.CDLL(None), name)(*arguments) == 0

def variables():
    import os
    known = ("PATH", "HOME", "LANG", "PWD", "LC_CTYPE")
    return [one for one in dict(os.environ) if one not in known]

def kills():
    import os
    os.kill(worker, 9)
    return "killed"

attempt("shadow", lambda: reads("/etc/shadow"))
attempt("secret", lambda: reads(secret))
attempt("environment", variables)
attempt("environs", environs)
attempt("tcp", lambda: connects("AF_INET", ["127.0.0.1", port]))
attempt("metadata", lambda: connects("AF_INET", ["169.254.169.254", 80]))
attempt("unix", lambda: connects("AF_UNIX", unix))
attempt("abstract", lambda: connects("AF_UNIX", "\\0" + abstract))
attempt("packets", lambda: connects("AF_PACKET", ["lo", 0]))
attempt("write beside", lambda: writes(outside))
attempt("write root", lambda: writes("/agent-workers-was-here"))
attempt("write usr", lambda: writes("/usr/agent-workers-was-here"))
attempt("write dev", lambda: writes("/dev/agent-workers-was-here"))
attempt("kill", kills)
attempt("unshare", lambda: calls("unshare", 0x10000000))
attempt("mount", lambda: calls("mount", b"none", b"/tmp", b"tmpfs", 0, None))
attempt("chroot", lambda: calls("chroot", b"/tmp"))
attempt("ptrace", lambda: calls("ptrace", 16, 1, 0, 0))
"""


@pytest.fixture
def lures(tmp_path: Path) -> Any:
    """Offer what an escape would reach: a server on TCP and on sockets, and a file of ours."""
    unix, secret = str(tmp_path / "socket"), tmp_path / "secret"
    secret.write_text("a secret of the worker's user")
    secret.chmod(0o600)
    abstract = f"agent-workers-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as path,
        socket.socket(socket.AF_UNIX) as name,
    ):
        path.bind(unix)
        path.listen()
        name.bind("\0" + abstract)
        name.listen()
        yield {
            "port": tcp.getsockname()[1],
            "unix": unix,
            "abstract": abstract,
            "secret": str(secret),
            "outside": str(tmp_path / "outside"),
            "worker": os.getpid(),
            "only": [],
        }


def test_nothing_that_is_not_its_own_can_be_reached(
    sandbox: Sandbox, lures: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_SECRET_PEPPER", "the worker's own")
    ran = run(sandbox, ESCAPES, given=lures)
    assert isinstance(ran, Finished), ran
    assert isinstance(ran.value, list)
    shares_its_user = sandbox.name == "process" and os.geteuid() != 0
    known = {"secret", "write beside"} if shares_its_user else set()  # below /tmp: `gaps` says so
    assert [found for found in ran.value if found[0] not in known] == []


def test_without_a_sandbox_the_same_program_reaches_all_of_it(lures: dict[str, object]) -> None:
    reached = ["secret", "environs", "tcp", "unix", "abstract", "write beside"]
    found: dict[str, Any] = {**lures, "only": reached}
    exec(ESCAPES, found)
    assert [name for name, _ in found["result"]] == reached
