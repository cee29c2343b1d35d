"""The supervisor on programs of the test's own: what it restarts, gives up, and takes along."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from agent_workers.embedded.ports import free_port
from agent_workers.local.child import Program
from agent_workers.local.folder import DataFolder
from agent_workers.local.supervisor import Supervisor
from agent_workers.terminal.errors import ProgramGaveUp
from tests.acceptance.systems import environment, processes_of, wait_until

_SLEEP = "import time; time.sleep(600)"
_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_SLEEP}"
_WITH_A_CHILD = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {_SLEEP!r}]); {_SLEEP}"
)


_ANSWERS = """
import http.server, pathlib
left = int(pathlib.Path({path!r}).read_text())
class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global left
        left -= 1
        self.send_response(200 if left >= 0 else 503)
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", {port}), Answering).serve_forever()
"""


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "a folder")
    made.make()
    return made


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(folder: DataFolder, said: list[str]) -> Iterator[Supervisor]:
    made = Supervisor(folder, lines=None, say=said.append, look_every_s=0.05)
    made.keep()
    yield made
    made.hurry()
    made.stop()


def program(name: str, code: str, *, patience_s: float = 5.0) -> Program:
    command = (sys.executable, "-c", code, name)
    return Program(name=name, command=command, environment=environment(), patience_s=patience_s)


def named(folder: DataFolder, name: str) -> list[psutil.Process]:
    return [one for one in processes_of(folder.path) if last_word(one) == name]


def last_word(process: psutil.Process) -> str:
    """The last argument; there is none of what has just ended."""
    with suppress(psutil.Error):
        return (process.cmdline() or [""])[-1]
    return ""


def test_a_killed_program_is_started_again(
    supervisor: Supervisor, folder: DataFolder, said: list[str]
):
    supervisor.start([program("worker", _SLEEP)], stage=1)
    killed = supervisor.kill("worker")
    wait_until(lambda: [p.pid for p in named(folder, "worker")] not in ([], [killed]), "a new one")
    assert said == ["worker ended (signal 9); starting it again"]


def test_a_program_that_runs_and_answers_no_more_is_started_again(
    supervisor: Supervisor, folder: DataFolder, said: list[str]
):
    """The program answers as often as its folder lets it; then never again."""
    (folder.path / "answers").write_text("3")
    url = f"http://127.0.0.1:{free_port()}"
    code = _ANSWERS.format(port=urlsplit(url).port, path=str(folder.path / "answers"))
    api = replace(program("api", code), live_url=url)
    supervisor.start([api], stage=1)
    wait_until(lambda: len(said) >= 2, "the word that it hangs, and that it ended")
    assert said[:2] == [
        "api runs but does not answer; ending it",
        "api ended (signal 15); starting it again",
    ]


def test_a_program_that_refuses_its_settings_ends_everything(supervisor: Supervisor):
    supervisor.start([program("worker", "import sys; sys.exit('AGENT_TOOLS: no')")], stage=1)
    supervisor.start([program("api", "import sys; print('AGENT_X: no'); sys.exit(2)")], stage=1)
    with pytest.raises(ProgramGaveUp, match="api cannot be started: AGENT_X: no"):
        supervisor.wait(30)


def test_what_a_program_started_itself_ends_with_it(supervisor: Supervisor, folder: DataFolder):
    supervisor.start([program("parent", _WITH_A_CHILD)], stage=1)
    wait_until(lambda: len(processes_of(folder.path)) == 2, "the child's child")
    supervisor.stop()
    assert processes_of(folder.path) == []


def test_who_does_not_stop_is_stopped(supervisor: Supervisor, folder: DataFolder):
    supervisor.start([program("stubborn", _STUBBORN, patience_s=0.2)], stage=1)
    supervisor.stop()
    assert processes_of(folder.path) == []


def test_nobody_waits_once_somebody_is_in_a_hurry(supervisor: Supervisor, folder: DataFolder):
    supervisor.start([program("stubborn", _STUBBORN, patience_s=600)], stage=1)
    supervisor.hurry()
    supervisor.stop()
    assert processes_of(folder.path) == []
