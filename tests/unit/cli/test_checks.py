"""What the doctor makes of what it sees."""

from dataclasses import replace
from datetime import UTC, datetime

from agent_workers.cli.doctor.outside import check_outside
from agent_workers.cli.doctor.settings import (
    broker,
    check_broker,
    check_settings,
    load_tools,
    misspelt,
)
from agent_workers.cli.doctor.state import (
    breakers,
    check_database,
    events,
    role,
    schedules,
    schema,
    server,
    session,
    webhooks,
    work,
)
from agent_workers.domain.breaker import Breaker, BreakerSeen, BreakerState
from agent_workers.domain.ids import TenantId
from agent_workers.local.migrations import newest
from agent_workers.settings import Settings
from agent_workers.state.database.diagnosis import ServerSeen, WorkSeen
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pooling import SessionSeen
from agent_workers.state.database.session_settings import SETTINGS
from agent_workers.terminal.findings import Finding, Level
from agent_workers.transport.brokers.profiles import Broker
from agent_workers.transport.diagnosis import BrokerSeen

_SERVER = ServerSeen(
    version=180_004,
    version_text="18.4",
    fsync=True,
    full_page_writes=True,
    max_connections=200,
)
_WORK = WorkSeen(
    workers=3,
    lanes=frozenset({"plan", "tool", "effect", "evaluate"}),
    oldest_due_s=0.0,
    due=0,
    due_lanes="",
    doubts=0,
    quarantined=0,
    questions=0,
)
_SESSION = SessionSeen(wrong={}, is_pooled=False, is_shared=False)
_AT = datetime(2026, 1, 1, tzinfo=UTC)


def levels(findings: list[Finding]) -> set[Level]:
    return {finding.level for finding in findings}


def test_a_good_server_is_all_ok():
    assert levels(list(server(_SERVER, pool=10))) == {Level.OK}


def test_each_setting_that_does_not_arrive_is_named_with_what_helps():
    assert levels(list(session(_SESSION))) == {Level.OK}
    for name in SETTINGS:
        found = [f for f in session(replace(_SESSION, wrong={name: "off"})) if f.level != Level.OK]
        [line] = [f.line for f in found]
        assert f"{name} is off, not {SETTINGS[name]}" in line
        assert "agent-workers migrate" in line


def test_what_nothing_makes_up_for_fails():
    found = {name: list(session(replace(_SESSION, wrong={name: "x"}))) for name in SETTINGS}
    assert [n for n, each in found.items() if Level.FAIL in levels(each)] == [
        "search_path",
        "synchronous_commit",
    ]


def test_a_server_that_forgets_in_a_power_cut_is_worth_a_warning():
    found = list(server(replace(_SERVER, fsync=False), pool=10))
    assert levels(found) == {Level.OK, Level.WARN}


def test_a_database_that_was_never_migrated_fails_with_the_command_that_helps():
    finding = schema(None)
    assert finding.level is Level.FAIL
    assert "agent-workers migrate" in finding.line


def test_the_newest_schema_is_ok_and_so_is_a_newer_one():
    assert schema(newest()).level is Level.OK
    assert schema("of_a_later_release").level is Level.OK


def test_a_lane_that_nobody_serves_is_named():
    found = list(work(replace(_WORK, lanes=frozenset({"plan", "tool", "evaluate"}))))
    [line] = [f.line for f in found if f.level is Level.WARN]
    assert line.startswith("warn  no worker serves lane effect: steps wait: run")
    assert "`agent-workers worker --lanes effect --pool prefork`" in line


def test_a_lane_that_an_agent_needs_fails_when_nobody_serves_it():
    seen = replace(_WORK, lanes=frozenset({"tool"}), needed=frozenset({"plan", "evaluate", "tool"}))
    lines = [f.line for f in work(seen) if f.level is not Level.OK]
    assert lines[0].startswith("FAIL  no worker serves lanes evaluate, plan: steps wait: run")
    assert lines[1].startswith("warn  no worker serves lane effect: steps wait: run")


def test_a_lane_that_a_running_worker_reports_does_not_fail():
    seen = replace(_WORK, lanes=frozenset(), needed=frozenset({"plan"}))
    assert Level.FAIL not in levels(list(work(seen, frozenset({"plan"}))))


def test_lanes_that_nobody_serves_are_started_in_the_pools_that_suit_them():
    [line] = [f.line for f in work(replace(_WORK, lanes=frozenset())) if f.level is Level.WARN]
    assert line.endswith(
        "run `agent-workers worker --lanes evaluate,plan,tool --pool threads`"
        " and run `agent-workers worker --lanes effect --pool prefork`"
    )


def test_jobs_that_no_worker_can_do_are_counted_for_each_agent_and_tool():
    lines = [f.line for f in work(replace(_WORK, lacking={"agent:bad": 2, "tool:look": 1}))]
    assert lines[1] == (
        "warn  2 jobs wait for a worker with agent 'bad': run `agent-workers worker --tools MODULE` "
        "with its module, or cancel what `agent-workers jobs list --status waiting --agent bad` lists"
    )
    assert lines[2].startswith("warn  1 job waits for a worker with tool 'look': run")
    assert not any("no step waits" in line for line in lines)


def test_what_waits_for_a_person_is_said_with_the_command_that_shows_it():
    lines = [f.line for f in work(replace(_WORK, doubts=1, quarantined=2, questions=3))]
    assert any("agent-workers doubts list" in line for line in lines)
    assert any("3 questions" in line and "jobs answer" in line for line in lines)
    assert any("agent-workers quarantine list" in line for line in lines)


def test_an_open_breaker_is_named_with_its_reason_and_whether_somebody_has_to_close_it():
    failing = Breaker(name="tool:pay", state=BreakerState.OPEN, reason="timeout")
    by_hand = replace(failing, name="model:m", reason="maintenance", by_hand=True)
    lines = [
        f.line for f in breakers([BreakerSeen(breaker=b, now=_AT) for b in (failing, by_hand)])
    ]
    assert "tool:pay fails (timeout)" in lines[0]
    assert "go on by themselves" in lines[0]
    assert "model:m was turned off by hand (maintenance)" in lines[1]
    assert "breakers close model:m" in lines[1]


def test_breakers_of_tenants_are_one_line_for_each_tool():
    one = Breaker(name="tool:pay", state=BreakerState.OPEN, reason="timeout")
    several = [replace(one, tenant_id=TenantId(name)) for name in ("acme", "bond")]
    lines = [f.line for f in breakers([BreakerSeen(breaker=b, now=_AT) for b in several])]
    assert "tool:pay fails for 2 tenants (timeout)" in lines[0]
    assert len(lines) == 1


def test_a_breaker_that_has_closed_is_no_trouble():
    closed = BreakerSeen(breaker=Breaker(name="tool:pay"), now=_AT, parked=True)
    assert levels(list(breakers([closed]))) == {Level.OK}


def test_a_step_that_nobody_comes_for_is_seen():
    found = list(work(replace(_WORK, oldest_due_s=60.0, due=4, due_lanes="plan")))
    assert Level.WARN in levels(found)


def test_a_redis_that_evicts_or_forgets_is_seen():
    seen = BrokerSeen(kind=Broker.REDIS, version="8", eviction="allkeys-lru", appendonly="no")
    assert [f.level for f in broker(seen)] == [Level.OK, Level.WARN, Level.WARN]


def test_missing_settings_are_named_in_one_line():
    first = next(check_settings(Settings(_env_file=None)))
    assert first.level is Level.FAIL
    assert "AGENT_DATABASE_URL" in first.line


def test_the_demo_s_tools_are_well_declared():
    found, agents = load_tools(Settings(_env_file=None, tools=("agent_workers.demo.agents",)))
    assert levels(found) == {Level.OK}
    assert agents == ["refund_check", "refund_desk", "support"]


def test_a_module_that_does_not_load_fails_with_its_name():
    found, _ = load_tools(Settings(_env_file=None, tools=("no_such_module",)))
    assert [f.level for f in found] == [Level.FAIL]
    assert "no_such_module" in found[0].line


def test_webhooks_that_nobody_delivers_are_worth_a_warning():
    assert webhooks(3, 0.4).level is Level.OK
    assert webhooks(3, 60.0).level is Level.WARN


def test_schedules_that_nobody_fires_are_seen():
    assert schedules(0, 0.0).level is Level.OK
    assert "agent-workers beat" in schedules(3, 60.0).line


def test_dead_letters_and_relays_that_are_behind_are_seen():
    assert levels(list(events(0, 0.5))) == {Level.OK}
    letters, relay = events(2, 60.0)
    assert "triggers letters" in letters.line
    assert "60 s behind" in relay.line


def test_a_misspelt_setting_is_told_and_what_others_call_their_own_is_not() -> None:
    fine = [
        "AGENT_SMTP_URL",
        "AGENT_SMTP_URL_FILE",
        "AGENT_API_KEY",
        "AGENT_FLOWER_URL",
        "SMTP_URL",
    ]
    [one] = misspelt([*fine, "AGENT_SMTP_UR", "AGENT_OF_MINE"])
    assert one.line == (
        "warn  AGENT_SMTP_UR is not a setting, and nothing reads it: did you mean 'AGENT_SMTP_URL'?"
    )


def test_a_role_with_rights_over_the_server_is_worth_a_warning():
    assert role("").level is Level.OK
    assert (role("superuser").level, "superuser" in role("superuser").line) == (Level.WARN, True)


def test_what_fails_names_the_command_that_helps_or_looks_again():
    empty = Settings(_env_file=None)
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    database = Database(nowhere, pool_size=1, patience_s=0.1)
    found = [
        *check_settings(empty),
        *check_broker("redis://127.0.0.1:1/0"),
        *load_tools(Settings(_env_file=None, tools=("no_such_module",)))[0],
        *check_database(Settings(_env_file=None, database_url=nowhere), database, []),
        *server(replace(_SERVER, version=130_000), pool=10),
        *check_outside(Settings(_env_file=None, egress_proxy="http://127.0.0.1:1")),
        schema(None),
    ]
    fails = [finding for finding in found if finding.level is Level.FAIL]
    assert len(fails) == 7
    assert [finding.line for finding in fails if finding.remedy.count("`") < 2] == []
