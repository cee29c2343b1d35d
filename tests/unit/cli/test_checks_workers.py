"""What the doctor makes of what running workers report."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from agent_workers.cli.doctor.workers import check_workers
from agent_workers.domain.agents.version import EVERYBODY, KeptVersion, Source
from agent_workers.domain.mcp.servers import McpServer
from agent_workers.domain.step import Lane
from agent_workers.domain.worker_report import Abilities, WorkerReport, WorkerSeen

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_ABLE = Abilities(sandbox="monty", embedding="wordllama", mail=True, sql_sources=["shop"])
REPORT = WorkerReport(
    report_id=UUID(int=1),
    name="all@here",
    host="here",
    pid=4711,
    version="1",
    lanes=list(Lane),
    pool="prefork",
    slots=2,
    agents={"coded": [""]},
    tools=["look", "send_email", "sql_query", "python_code"],
    models={
        "scripted/small": "",
        "openai/gpt-5-mini": "model 'openai/gpt-5-mini' has no key: set OPENAI_API_KEY",
        "envkey": "model 'envkey' has no key: set MY_KEY (models.yaml:3)",
        "unpriced": "model 'unpriced' has no price: add `prices` at models.yaml:9 (0 for free)",
    },
    secrets=["MCP_TOKEN"],
    abilities=_ABLE,
)


def seen(report: WorkerReport = REPORT, *, stopping: bool = False) -> WorkerSeen:
    return WorkerSeen(
        report=report,
        started_at=_AT,
        seen_at=_AT,
        age=timedelta(seconds=12),
        stopping=stopping,
        alive=True,
    )


def version(
    *tools: str, name: str = "written", source: Source = Source.YAML, model: str = ""
) -> KeptVersion:
    return KeptVersion(
        tenant_id=EVERYBODY,
        name=name,
        version="1",
        declared=False,
        digest="",
        definition={"name": name, "model": model, "tools": [{"name": tool} for tool in tools]},
        source=source,
        created_by="",
        created_at=_AT,
    )


def told(*current: KeptVersion, **others: object) -> list[str]:
    """Return the findings of one worker, changed as `others` say."""
    worker = seen(replace(REPORT, **others))  # type: ignore[arg-type]
    return [finding.line for finding in check_workers([worker], current)]


def test_workers_that_have_everything_are_one_line():
    lines = told(version("look", model="scripted/small"), version(name="coded"))
    assert lines == ["ok    1 worker checked: nothing is missing for 2 current agents"]


def test_a_model_without_a_key_is_said_of_the_worker_that_has_none():
    [line] = told(version(model="openai/gpt-5-mini"))
    assert line == (
        "FAIL  worker all@here (pid 4711, seen 12 s ago): model 'openai/gpt-5-mini' has no key, and agent "
        "written@1 names it: set OPENAI_API_KEY in the environment of that worker, and start it again"
        " (under `up`: stop `up`, set it, start `up` again)"
    )


def test_a_model_of_models_yaml_is_told_as_the_worker_told_it():
    [line] = told(version(model="envkey"))
    assert ": model 'envkey' has no key, and agent written@1 names it: set MY_KEY (models" in line
    [line] = told(version(model="unpriced"))
    assert "names it: add `prices` at models.yaml:9 (0 for free), and start that worker" in line


def test_a_model_that_the_worker_does_not_know_is_told_with_the_nearest_that_it_knows():
    [line] = told(version(model="scripted/smal"))
    assert "does not know model 'scripted/smal', which agent written@1 names (did you" in line
    assert "correct the name in the agent, or add the model to models.yaml" in line


def test_an_agent_of_other_modules_is_judged_where_it_runs():
    code = version("python_code", name="elsewhere", source=Source.PYTHON, model="envkey")
    [line] = told(code, abilities=Abilities(why_no_sandbox="nothing holds it", mail=True))
    assert line.startswith("warn  no running worker has agent 'elsewhere': ")
    own = version(name="coded", source=Source.PYTHON, model="envkey")
    [line] = told(own)
    assert line.startswith("FAIL  worker all@here")


def test_a_worker_that_calls_no_model_needs_no_key():
    assert told(version(model="openai/gpt-5-mini"), lanes=[Lane.EFFECT])[0].startswith("ok")


def test_a_tool_that_no_worker_has_fails_and_one_that_another_has_is_a_warning():
    current = [version("look", "ship")]
    without, with_it = seen(), seen(replace(REPORT, tools=["look", "ship"], name="other@here"))
    [line] = [one.line for one in check_workers([without], current)]
    assert line.startswith(
        "FAIL  worker all@here (pid 4711, seen 12 s ago) has no tool 'ship', which"
    )
    [line] = [one.line for one in check_workers([without, with_it], current)]
    assert line.startswith("warn  worker all@here")


def test_an_agent_in_python_that_no_worker_has_waits():
    [line] = told(version(name="gone", source=Source.PYTHON))
    assert line.startswith("warn  no running worker has agent 'gone': start a worker whose")
    assert "agent-workers agents retire gone" in line


def test_a_worker_that_stops_has_nothing_any_more():
    current = [version(name="coded", source=Source.PYTHON)]
    [line] = [one.line for one in check_workers([seen(stopping=True)], current)]
    assert "no running worker has agent 'coded'" in line


def test_a_secret_of_an_mcp_server_is_looked_for_where_the_worker_runs():
    env = {"TOKEN": "${MCP_TOKEN}", "OTHER": "x ${MCP_OTHER}"}
    server = McpServer(tenant_id=EVERYBODY, name="crm", command=("crm",), env=env)
    [line] = [one.line for one in check_workers([seen()], (), [server])]
    assert "has no MCP_OTHER, which MCP server 'crm' needs: set MCP_OTHER in the env" in line


def test_what_a_machine_does_not_give_is_told_when_an_agent_needs_it():
    poor = Abilities(why_no_sandbox="nothing holds it", why_no_boundary="no bwrap")
    lines = told(version("python_code", "send_email", "sql_query"), abilities=poor)
    assert [line[:4] for line in lines] == ["FAIL", "FAIL", "FAIL", "warn"]
    assert len(told(abilities=poor)) == 1


def test_an_embedding_model_without_a_key_is_told_of_the_worker():
    name = "openai/text-embedding-3-small"
    why = f"model {name!r} has no key: set OPENAI_API_KEY"
    without = replace(_ABLE, embedding=name, why_no_embedding=why)
    [line] = told(abilities=without)
    assert f"model '{name}' has no key, and AGENT_EMBEDDING_MODEL names it: set" in line
