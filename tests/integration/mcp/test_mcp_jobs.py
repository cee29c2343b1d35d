"""MCP as an operator and a job meet it: added, looked at, approved, called, changed, removed."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agent_workers.cli.doctor.mcp import check_mcp
from agent_workers.cli.main import main
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.job import Submission
from agent_workers.domain.mcp.servers import McpServer
from agent_workers.domain.step import Lane
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.catalogue.mcp import McpRows
from agent_workers.state.jobs.submissions import Submissions
from agent_workers.worker.runtime import Runtime
from tests.integration.mcp.world import EVIL
from tests.integration.worker import tool_agents
from tests.integration.worker.conftest import LANES, Bench, bench
from tests.support.boundaries import needs_a_boundary
from tests.support.database import database, tenant

pytestmark = needs_a_boundary

__all__ = ["bench", "database", "tenant"]

MODULE = tool_agents.__name__
EFFECTS = (*LANES, Lane.EFFECT)


@dataclass(frozen=True, slots=True)
class Desk:
    """An operator of one tenant's servers, beside that tenant's jobs."""

    bench: Bench
    folder: Path
    capture: pytest.CaptureFixture[str]

    @property
    def tenant(self) -> TenantId:
        return self.bench.tenant

    def run(self, *words: str) -> tuple[int, str]:
        verb, *rest = words
        tenant = ["--tenant", self.tenant]
        command = ["mcp", verb, *tenant, *rest] if verb != "apply" else ["agents", *words, *tenant]
        code = main(command)
        said = self.capture.readouterr()
        return code, said.out + said.err

    def did(self, *words: str) -> str:
        code, said = self.run(*words)
        assert code == 0, said
        return said

    def add_evil(self, *more: str) -> None:
        program = [sys.executable, str(EVIL), "obeys", "1"]
        self.did("add", "evil", "--read", str(EVIL.parent), *more, "--command", *program)

    def agent(self, *tools: str, name: str = "helper") -> tuple[int, str]:
        told = {"name": name, "plan": f"{MODULE}:_plan", "evaluate": f"{MODULE}:_evaluate"}
        file = self.folder / f"{name}.yaml"
        file.write_text(json.dumps(told | {"tools": list(tools)}))
        return self.run("apply", str(file))

    def applied(self, *tools: str) -> None:
        code, said = self.agent(*tools)
        assert code == 0, said

    # Any: what a tool gave, or how it failed, as JSON.
    def job(self, runtime: Runtime, tool: str, arguments: object) -> Any:
        # Else it is up to a second later that a worker knows what an operator has said.
        runtime.mcp.learn()
        job_id = self.submit(tool, arguments)

        def ended() -> bool:
            self.bench.deliver(runtime, job_id, -1)
            return self.bench.status(job_id) in {"succeeded", "failed"}

        # A program of somebody else may take long to start on a loaded machine.
        self.bench.until(ended, f"{tool} was called", patience_s=90)
        found: list[Any] = self.bench.output(job_id)  # type: ignore[assignment]
        return found[0]

    def submit(self, tool: str, arguments: object) -> JobId:
        pace = Agents(self.bench.database).known(self.tenant, "helper")
        assert pace is not None
        job_id = JobId(uuid4())
        wish = json.dumps({"rounds": [[[tool, arguments]]]}).encode()
        job = Submission(tenant_id=self.tenant, job_id=job_id, agent="helper", input=wish)
        Submissions(self.bench.database).many([(job, pace)])
        return job_id


@pytest.fixture
def desk(
    bench: Bench,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    monkeypatch.setenv("AGENT_DATABASE_URL", bench.database.url)
    monkeypatch.setenv("AGENT_TOOLS", MODULE)
    return Desk(bench, tmp_path, capsys)


def test_a_worker_that_runs_learns_of_a_real_server_once_it_is_approved(desk: Desk) -> None:
    runtime = desk.bench.runtime(module=MODULE)
    said = desk.did("add", "time", "--command", sys.executable, "-m", "mcp_server_time")
    assert "time.get_current_time" in said
    assert "unsafe" in said
    code, said = desk.agent("time.get_current_time")
    assert code == 2
    assert "was never approved" in said
    desk.did("approve", "time", "get_current_time", "--effect", "pure")
    desk.applied("time.get_current_time")
    found = desk.job(runtime, "time.get_current_time", {"timezone": "Europe/Berlin"})
    assert found["timezone"] == "Europe/Berlin"
    wrong = desk.job(runtime, "time.get_current_time", {"timezone": 5})
    assert wrong["code"] == "bad_arguments"


def test_a_tool_that_changes_is_out_of_use_until_it_is_approved_again(desk: Desk) -> None:
    runtime = desk.bench.runtime(module=MODULE)
    desk.add_evil()
    desk.did("approve", "evil", "--effect", "pure")
    desk.applied("evil.echo", "evil.rename")
    assert desk.job(runtime, "evil.rename", {}) == "done"
    # The notice of the server and the first call after it may cross.
    refused = [desk.job(runtime, "evil.echo", {}) for _ in range(2)][-1]
    assert refused["code"] == "mcp_changed"
    assert '+  "description": "Now it does something else."' in desk.did("show", "evil")
    told = [one.text for one in check_mcp(desk.bench.settings)]
    assert "MCP tool evil.echo has changed: jobs cannot call it" in told
    desk.did("refresh", "evil")  # a server that was begun anew says again what was approved
    assert desk.job(runtime, "evil.echo", {}) == "echo, with nothing"


def test_what_is_disabled_or_removed_says_so_to_the_job(desk: Desk) -> None:
    runtime = desk.bench.runtime(module=MODULE, lanes=EFFECTS)
    desk.add_evil()
    desk.did("approve", "evil", "--effect", "pure")
    desk.applied("evil.echo")
    desk.did("disable", "evil", "echo")
    assert desk.job(runtime, "evil.echo", {})["code"] == "mcp_disabled"
    desk.did("remove", "evil")
    assert desk.job(runtime, "evil.echo", {})["code"] == "mcp_removed"
    desk.add_evil()
    assert desk.job(runtime, "evil.echo", {})["code"] == "mcp_new"


def test_an_unclassified_tool_that_dies_in_the_middle_is_not_called_again(desk: Desk) -> None:
    runtime = desk.bench.runtime(module=MODULE, lanes=EFFECTS)
    desk.add_evil()
    desk.did("approve", "evil")
    desk.applied("evil.die")
    runtime.mcp.learn()
    job_id = desk.submit("evil.die", {})
    evidence = "select says, reason from evidence e join effects f using (effect_key) where "

    def is_known() -> list[tuple[object, ...]]:
        desk.bench.deliver(runtime, job_id, -1)
        return desk.bench.ask(f"{evidence} f.job_id = %s", job_id)

    desk.bench.until(is_known, "there is evidence", patience_s=90)
    desk.bench.deliver(runtime, job_id, -1)
    [(says, reason)] = is_known()
    assert says == "unknown"
    assert "ended with exit code 3" in str(reason)


def test_a_worker_asks_a_server_that_is_due(desk: Desk) -> None:
    desk.bench.runtime(module=MODULE)
    desk.add_evil("--by-worker")
    rows = McpRows(desk.bench.database)
    [server] = rows.servers(desk.tenant)
    desk.bench.until(lambda: rows.tools(server), "a worker has asked it", patience_s=60)


def test_secrets_are_references_to_variables_of_the_worker_and_of_no_other_name(desk: Desk) -> None:
    for given, words in (
        ("API_TOKEN=abc123", "sounds like a secret"),
        ("X=${AGENT_DATABASE_URL}", "only variables named MCP_"),
    ):
        code, said = desk.run("add", "evil", "--env", given, "--command", "true")
        assert code == 2
        assert words in said
    code, said = desk.run("add", "evil", "--env", "TOKEN=${MCP_NOT_SET}", "--command", "true")
    assert code == 1
    assert "MCP_NOT_SET is not set" in said


def test_what_a_server_wrote_cannot_act_on_a_terminal(desk: Desk) -> None:
    server = McpServer(tenant_id=desk.tenant, name="rude", url="https://example.com/mcp")
    rows = McpRows(desk.bench.database)
    rows.add(server)
    rows.failed(server, "\x1b]0;owned\x07 \u202etxt.exe")
    said = desk.did("show", "rude")
    assert "\x1b" not in said
    assert "\u202e" not in said
