"""What an isolated tool cannot have: the data folder that lies beside it, loopback, our variables."""

import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent_workers.domain.step import ToolRan
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.sandbox.confining import confined as confining
from agent_workers.execution.sandbox.confining import landlock
from agent_workers.execution.sandbox.confining.confined import Boundary, confine, why_no_bwrap
from agent_workers.execution.sandbox.confining.processes import run_bounded
from agent_workers.execution.sandbox.ports import Allowed
from agent_workers.execution.tools.router import ToolRouter
from agent_workers.settings import Settings, secret_places
from tests.integration.sandbox import isolated_tools as tools
from tests.integration.sandbox.test_isolated import router, step
from tests.support.boundaries import needs_a_boundary

# Whom root gives to a child that shall own the secrets, as a worker that is not root does.
_OWNER = 60_597


@dataclass(frozen=True, slots=True, kw_only=True)
class Lures:
    """A folder as users have it: their code, the data folder of `up` in it, and links to both."""

    code: Path
    port: int
    abstract: str

    @property
    def data(self) -> Path:
        return self.code / ".agent-workers"

    @property
    def link(self) -> Path:
        return self.code.with_name("link")

    @property
    def secrets(self) -> list[str]:
        ways = (self.data, self.link / self.data.name, self.code / "linked")
        files = [str(way / name) for way in ways for name in ("pepper", "logs/api.log")]
        return [*files, str(self.code / ".env")]

    @property
    def hidden(self) -> Sequence[Path]:
        return secret_places(Settings(data_folder=self.data))


@pytest.fixture
def lures(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lures]:
    # Not below the folder of temporary files, of which every boundary makes something of its own.
    home = Path(tempfile.mkdtemp(dir="/var/tmp"))
    code, abstract = home / "code", f"agent-workers-{home.name}"
    found = Lures(code=code, port=0, abstract=abstract)
    (found.data / "logs").mkdir(parents=True)
    (found.data / "evidence").mkdir()
    for secret in (found.data / "pepper", found.data / "logs" / "api.log", code / ".env"):
        secret.write_text("a secret")
    (code / "helper.py").write_text("to be read")
    found.link.symlink_to(code)
    (code / "linked").symlink_to(found.data)
    if os.geteuid() == 0:
        monkeypatch.setattr(confining, "own_user", lambda: _OWNER)
        for path in (home, *home.rglob("*")):
            os.chown(path, _OWNER, _OWNER)
    monkeypatch.chdir(code)
    monkeypatch.setattr(sys, "path", [*sys.path, str(code), str(found.link)])
    monkeypatch.setenv("AGENT_SECRET_PEPPER", "the worker's own")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind("\0" + abstract)
        unix.listen()
        yield Lures(code=code, port=tcp.getsockname()[1], abstract=abstract)
    shutil.rmtree(home)


@needs_a_boundary
@pytest.mark.parametrize(
    "declared", [tools.break_out, tools.break_out_online], ids=lambda t: t.name
)
def test_an_isolated_tool_has_nothing_of_its_workers(declared: Tool, lures: Lures) -> None:
    if declared.network and not (landlock.scoped() and landlock.knows_ports()):
        pytest.skip("this kernel keeps nobody to ports")
    assert got(declared, lures, hides=lures.hidden) == []


@needs_a_boundary
def test_a_port_that_it_names_it_reaches(lures: Lures) -> None:
    declared = replace(tools.break_out_online, network=(lures.port,))
    assert got(declared, lures, hides=lures.hidden) == ["loopback"]


@pytest.mark.parametrize("boundary", Boundary)
def test_what_is_hidden_is_out_of_reach_by_every_way_and_what_is_beside_it_is_not(
    boundary: Boundary, lures: Lures
) -> None:
    assert shown(boundary, lures, hides=lures.hidden) == "to be read"
    assert shown(boundary, lures, hides=()) == "a secret" * len(lures.secrets) + "to be read"


@pytest.mark.parametrize("boundary", Boundary)
def test_a_folder_may_be_listed_though_something_in_it_is_hidden(
    boundary: Boundary, lures: Lures
) -> None:
    """Importing needs it."""
    listed = said(boundary, f"ls {lures.code}", lures, hides=lures.hidden).split()
    assert listed == ["helper.py", "linked"]


@pytest.mark.parametrize("boundary", Boundary)
def test_a_folder_that_lies_in_what_is_hidden_is_not_shown(
    boundary: Boundary, lures: Lures
) -> None:
    inner = lures.data / "logs"
    assert said(boundary, f"cat {inner}/*", lures, hides=lures.hidden, reads=[inner]) == ""


def shown(boundary: Boundary, lures: Lures, *, hides: Sequence[Path]) -> str:
    words = " ".join([*lures.secrets, f"{lures.code}/helper.py"])
    return said(boundary, f"cat {words}", lures, hides=hides)


def said(
    boundary: Boundary,
    script: str,
    lures: Lures,
    *,
    hides: Sequence[Path],
    reads: Sequence[Path] = (),
) -> str:
    if boundary is Boundary.BWRAP and (why := why_no_bwrap()):
        pytest.skip(why)
    if boundary is Boundary.PROCESS and not landlock.version():
        pytest.skip("this kernel has no Landlock")
    allowed = Allowed(reads=reads or [lures.code, lures.link], hides=hides)
    confined = confine(["/bin/sh", "-c", script], allowed=allowed, boundary=boundary)
    ended = run_bounded(
        confined.argv, confined.environment, given=b"", most=9_999, wall=timedelta(seconds=20)
    )
    return ended.output.decode()


def got(declared: Tool, lures: Lures, *, hides: Sequence[Path]) -> list[str]:
    asked = {"files": lures.secrets, "port": lures.port, "abstract": lures.abstract}
    ran = ToolRouter(router(declared).find, hides=hides).run(step(declared, **asked))
    assert isinstance(ran, ToolRan), ran
    found: list[str] = json.loads(ran.result)
    return found
