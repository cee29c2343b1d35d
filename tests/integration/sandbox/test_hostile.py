"""Programs that want out, or want the worker down: each ends in a clear outcome."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from agent_workers.execution.sandbox.ports import (
    Died,
    Finished,
    OutOfMemory,
    Raised,
    Ran,
    Refused,
    Sandbox,
    TimedOut,
    TooMuchOutput,
)
from tests.integration.sandbox.conftest import BOUNDS, SHORT, SOON, level, run

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
    assert ran.value == []


def test_without_a_sandbox_the_same_program_reaches_all_of_it(lures: dict[str, object]) -> None:
    reached = ["secret", "environs", "tcp", "unix", "abstract", "write beside"]
    found: dict[str, Any] = {**lures, "only": reached}
    exec(ESCAPES, found)
    assert [name for name, _ in found["result"]] == reached


def test_an_endless_loop_ends(sandbox: Sandbox) -> None:
    assert run(sandbox, "while True: pass", SOON) == TimedOut(SHORT)


def test_ten_gigabytes_are_not_to_be_had(sandbox: Sandbox) -> None:
    ran = run(sandbox, "kept = []\nfor _ in range(10_000): kept.append('x' * 1_000_000)")
    assert ran == OutOfMemory(BOUNDS.memory)


def test_a_fork_bomb_has_no_second_process(sandbox: Sandbox) -> None:
    assert isinstance(run(sandbox, "import os\nwhile True: os.fork()"), Raised)


def test_not_even_one_process_is_started(cpython: Sandbox) -> None:
    ran = run(cpython, "import os\nos.fork()")
    assert isinstance(ran, Raised)
    assert ran.error == "PermissionError"


def test_output_without_end_ends(sandbox: Sandbox) -> None:
    ran = run(sandbox, "for _ in range(2_000): print('x' * 1_000)")
    assert ran == TooMuchOutput(BOUNDS.output)


def test_a_result_that_is_too_long_is_not_taken(sandbox: Sandbox) -> None:
    ran = run(sandbox, "result = 'x' * 1_000_000")
    assert isinstance(ran, TooMuchOutput)


def test_lists_that_contain_one_another_do_not_fill_the_workers_memory(sandbox: Sandbox) -> None:
    ran = run(sandbox, "result = 0\nfor _ in range(9): result = [result] * 10", SOON)
    assert isinstance(ran, OutOfMemory | TooMuchOutput | TimedOut | Died), ran


def test_a_result_nested_too_deeply_is_not_taken(sandbox: Sandbox) -> None:
    assert isinstance(run(sandbox, "result = []\nfor _ in range(150): result = [result]"), Raised)


@pytest.mark.parametrize("value", ["float('nan')", "1e400", "2**70", "{(1, 2): 3}", "object"])
def test_a_result_that_is_no_json_is_not_taken(value: str) -> None:
    from_process = run(level("process"), f"result = {value}")
    assert isinstance(from_process, Raised), from_process


def test_deep_recursion_ends(sandbox: Sandbox) -> None:
    assert isinstance(run(sandbox, "def f(): f()\nf()"), Raised | Died)


def test_a_program_nested_too_deeply_ends(sandbox: Sandbox) -> None:
    ran = run(sandbox, "x = " + "(" * 20_000 + ")" * 20_000)
    assert isinstance(ran, Raised | Died | OutOfMemory), ran


def test_an_interpreter_that_dies_is_told(cpython: Sandbox) -> None:
    ran = run(cpython, "import ctypes\nctypes.string_at(0)")
    assert ran == Died("ended by SIGSEGV")


def test_one_that_leaves_without_a_word_is_told(cpython: Sandbox) -> None:
    assert run(cpython, "import os\nos._exit(0)") == Died("it ended without an answer")


@pytest.mark.parametrize(
    "forged",
    [
        b"[" * 100_000,
        b'{"ended": "finished", "value": 1e999}',
        b'{"ended": "finished", "value": ' + b"9" * 5_000 + b"}",
        b'{"ended": "finished", "printed": [1]}',
        b"[1]",
        b"\xff\xfe",
    ],
    ids=["deep", "infinite", "digits", "shape", "kind", "bytes"],
)
def test_an_answer_of_its_own_is_read_as_what_it_is(forged: bytes) -> None:
    source = f"import os\nos.write(1, bytes.fromhex('{forged.hex()}'))\nos._exit(0)"
    assert isinstance(run(level("process"), source), Died | Raised)


def test_forged_words_are_cut() -> None:
    forged = '{"ended": "raised", "error": "E", "printed": "", "message": "' + "x" * 50_000 + '"}'
    source = f"import os\nos.write(1, b'{forged}')\nos._exit(0)"
    ran = run(level("process"), source)
    assert isinstance(ran, Raised)
    assert len(ran.message) == 2_000


def test_a_flood_past_the_runner_is_cut(cpython: Sandbox) -> None:
    flood = "import os\nwhile True: os.write(1, b'x' * 65_536)"
    assert run(cpython, flood) == TooMuchOutput(BOUNDS.output)


def test_a_compressed_bomb_stays_inside(cpython: Sandbox) -> None:
    source = "import zlib\nbomb = zlib.compress(bytes(1 << 26))\nx = [zlib.decompress(bomb) for _ in range(99)]"
    assert run(cpython, source) == OutOfMemory(BOUNDS.memory)


def test_its_disk_is_small(cpython: Sandbox) -> None:
    source = "with open('/tmp/x', 'wb') as file:\n for _ in range(99): file.write(bytes(1 << 20))"
    assert isinstance(run(cpython, source), Raised)


def test_no_thread_goes_on_without_end(cpython: Sandbox) -> None:
    source = (
        "import threading, time\n"
        "for _ in range(500): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()"
    )
    assert isinstance(run(cpython, source), Raised | OutOfMemory)


def test_what_is_given_is_found_and_what_is_left_is_returned(sandbox: Sandbox) -> None:
    ran = run(sandbox, "print('so', n)\nresult = {'twice': [n * 2]}", given={"n": 21})
    assert ran == Finished(value={"twice": [42]}, printed="so 21\n")


def test_an_error_is_told_with_what_was_printed(sandbox: Sandbox) -> None:
    ran: Ran = run(sandbox, "print('before')\n1 / 0")
    assert isinstance(ran, Raised)
    assert (ran.error, ran.printed) == ("ZeroDivisionError", "before\n")


def test_source_that_is_too_long_is_refused(sandbox: Sandbox) -> None:
    assert isinstance(run(sandbox, "#" * 300_000), Refused)
