"""Programs that share their user with servers: they change neither their memory nor how they run."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from agent_workers.execution.sandbox.confining import confined as confining
from agent_workers.execution.sandbox.confining import landlock
from agent_workers.execution.sandbox.confining.confined import Boundary, confine
from agent_workers.execution.sandbox.confining.processes import run_bounded
from agent_workers.execution.sandbox.ports import Allowed

# Whom root gives to a child that shall be of the server's user, as a worker that is not root does.
_USER = 60_596 if os.geteuid() == 0 else None
_PYTHON = "/usr/bin/python3"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="these calls are those of Linux"),
    pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock"),
    pytest.mark.skipif(not Path(_PYTHON).exists(), reason="no interpreter that all can run"),
]

# Has memory under a number, as Postgres has beside its files.
SERVER = """
import ctypes, sys
libc = ctypes.CDLL(None)
number = libc.shmget(0, 4096, 0o1600)
print(number, flush=True)
sys.stdin.read()
libc.shmctl(number, 0, None)
"""
# Prints the names of what it could do to another process, and of what it could not do to itself.
ATTACKS = """
import ctypes, json, os, sys
server, number, file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p

def calls(name, *arguments):
    if getattr(libc, name)(*arguments) in (-1, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), name)

def writes(place, what):
    with open(place, "r+b", buffering=0) as opened:
        opened.write(what)

ioprio_set = 251 if os.uname().machine == "x86_64" else 30
cpu = min(os.sched_getaffinity(0))
changes = {
    "memory in a file": lambda: writes(file, b"x"),
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, server, 19),
    "processors": lambda: os.sched_setaffinity(server, [cpu]),
    "scheduler": lambda: os.sched_setscheduler(server, os.SCHED_BATCH, os.sched_param(0)),
    "order at the disk": lambda: calls("syscall", ioprio_set, 1, server, 3 << 13),
    "limits": lambda: calls("prlimit", server, 7, b"\\0" * 16, None),
    "to be killed first": lambda: writes(f"/proc/{server}/oom_score_adj", b"1000"),
    "memory under a number": lambda: calls("shmat", number, None, 0),
    "removed memory": lambda: calls("shmctl", number, 0, None),
}
itself = {
    "own priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, 19),
    "own processors": lambda: os.sched_setaffinity(0, [cpu]),
    "own scheduler": lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
    "own limits": lambda: calls("prlimit", 0, 7, None, b"\\0" * 16),
}
done = []
for name, change in {**changes, **itself}.items():
    try:
        change()
        done.append(name)
    except OSError as error:
        if not isinstance(error, PermissionError):
            done.append(f"{name}: {error}")
print(json.dumps(done))
"""
ITSELF = ["own priority", "own processors", "own scheduler", "own limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process of the same user, and where its memory is."""

    pid: int
    number: int
    file: str

    @property
    def attack(self) -> list[str]:
        return [_PYTHON, "-I", "-c", ATTACKS, str(self.pid), str(self.number), self.file]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(confining, "own_user", lambda: _USER)
    words = [_PYTHON, "-I", "-c", SERVER]
    with (
        tempfile.NamedTemporaryFile(dir="/dev/shm") as file,
        subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            user=_USER,
            group=_USER,
            cwd="/",
        ) as running,
    ):
        if _USER is not None:
            os.chown(file.name, _USER, _USER)
        assert running.stdout
        number = int(running.stdout.readline())
        yield Server(pid=running.pid, number=number, file=file.name)


def test_a_program_changes_itself_and_no_server_of_its_user(server: Server) -> None:
    confined = confine(server.attack, boundary=Boundary.PROCESS)
    ended = run_bounded(
        confined.argv, confined.environment, given=b"", most=9_999, wall=timedelta(seconds=20)
    )
    assert json.loads(ended.output) == ITSELF, ended.said


def test_outside_of_a_boundary_the_same_program_changes_all_of_it(server: Server) -> None:
    ran = subprocess.run(
        server.attack, capture_output=True, user=_USER, group=_USER, cwd="/", check=True
    )
    done = json.loads(ran.stdout)
    assert done[-4:] == ITSELF
    assert len(done) == 13, done


def test_memory_that_programs_share_by_name_is_refused_in_plain_words() -> None:
    words = [_PYTHON, "-I", "-c", "import multiprocessing; multiprocessing.Lock()"]
    confined = confine(words, boundary=Boundary.PROCESS)
    ended = run_bounded(
        confined.argv, confined.environment, given=b"", most=9_999, wall=timedelta(seconds=20)
    )
    assert "PermissionError: [Errno 13] Permission denied" in ended.said


def test_a_program_with_the_network_finds_names_and_reaches_no_socket_of_its_user() -> None:
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
        socket.socket(socket.AF_UNIX) as listening,
    ):
        Path(folder).chmod(0o755)
        listening.bind(f"{folder}/socket")
        Path(f"{folder}/socket").chmod(0o777)
        listening.listen()
        words = (
            "import socket; print(bool(socket.getaddrinfo('localhost', 80)), flush=True); "
            f"socket.socket(socket.AF_UNIX).connect('{folder}/socket'); print('connected')"
        )
        confined = confine(
            [_PYTHON, "-I", "-c", words],
            allowed=Allowed(network=True),
            boundary=Boundary.PROCESS,
        )
        ended = run_bounded(
            confined.argv, confined.environment, given=b"", most=9_999, wall=timedelta(seconds=20)
        )
    assert ended.output == b"True\n"
    assert "Operation not permitted" in ended.said
