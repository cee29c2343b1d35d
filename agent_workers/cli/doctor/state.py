"""Checks of the database: what it is, how far it is migrated, who works on it, what waits in it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from agent_workers.cli.doctor.agents import check_agents
from agent_workers.cli.doctor.vectors import check_vectors
from agent_workers.cli.doctor.workers import check_workers
from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.breaker import BreakerSeen, BreakerState
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.step import Lane
from agent_workers.domain.text.addresses import reason_of, shown_address
from agent_workers.domain.worker_report import WorkerSeen
from agent_workers.local.migrations import is_behind, known, newest
from agent_workers.settings import Settings
from agent_workers.state.access.quotas import Full, Quotas
from agent_workers.state.catalogue.agent_versions import AgentVersions
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.catalogue.breakers import BreakerRows
from agent_workers.state.catalogue.mcp import McpRows
from agent_workers.state.database.diagnosis import Diagnosis, ServerSeen, WorkSeen
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pooling import SessionSeen, look_at
from agent_workers.state.database.session_settings import SETTINGS
from agent_workers.state.foreign.roles import powers_of
from agent_workers.state.jobs.reads import Reads
from agent_workers.terminal.findings import Finding, fail, ok, warn
from agent_workers.terminal.printing import bytes_in_words, counted

_OLDEST_VERSION = 140_000
# A step that has been due for longer than this was not forgotten: nobody comes for it.
_LATE_S = 10.0
_START = "run `agent-workers worker --tools MODULE`"
_NO_DATABASE = "start Postgres, or correct AGENT_DATABASE_URL, then run `agent-workers doctor`"


def check_database(
    settings: Settings,
    database: Database,
    agents: Sequence[str],
    workers: Sequence[WorkerSeen] = (),
) -> list[Finding]:
    """Check everything that lies in the database; one that cannot be reached is one finding."""
    try:
        return list(_checked(settings, database, agents, workers))
    except StateUnavailable as error:
        place = shown_address(settings.database_url)
        return [
            fail(f"the database at {place} cannot be reached ({reason_of(error)})", _NO_DATABASE)
        ]


def _checked(
    settings: Settings,
    database: Database,
    agents: Sequence[str],
    workers: Sequence[WorkerSeen],
) -> Iterator[Finding]:
    diagnosis = Diagnosis(database)
    seen = look_at(settings.database_url)
    yield from session(seen)
    yield direct(settings)
    if "search_path" in seen.wrong:
        return  # nothing of ours would be found
    with database.connection() as connection:
        yield role(powers_of(connection).over_the_server)
    yield from server(diagnosis.server(), pool=settings.db_pool_size)
    migrated = schema(Reads(database).schema_revision())
    yield migrated
    if migrated.level.value == "FAIL":
        return
    yield from work(diagnosis.work(), frozenset(n for one in workers for n in one.report.lanes))
    yield from breakers(BreakerRows(database).troubled())
    yield webhooks(*diagnosis.webhooks())
    yield schedules(*diagnosis.schedules())
    yield from events(*diagnosis.events())
    yield from quotas(Quotas(database).nearly_full())
    yield from _known_agents(agents, {seen.name: seen for seen in Agents(database).all(EVERYBODY)})
    yield from _by_whom(settings, database, workers)
    yield from check_vectors(settings, database, calls=not workers)


def _by_whom(
    settings: Settings, database: Database, workers: Sequence[WorkerSeen]
) -> Iterator[Finding]:
    """Judge the current agents by what running workers have, or else by what is here."""
    current = AgentVersions(database).taking_jobs()
    if not workers:
        yield from check_agents(settings, current)
        return
    mcp = McpRows(database)
    tools = [tool.full_name for tool in mcp.all_tools()]
    yield from check_workers(workers, current, mcp.servers(), tools)


def server(seen: ServerSeen, *, pool: int) -> Iterator[Finding]:
    """Judge the server: does it keep what it took, and is there room for everybody?"""
    if seen.version < _OLDEST_VERSION:
        yield fail(
            f"Postgres {seen.version_text} is too old", "upgrade it (`pg_upgrade`) to 14 or newer"
        )
    else:
        yield ok(f"Postgres {seen.version_text}")
    unsafe = [n for n in ("fsync", "full_page_writes") if not getattr(seen, n)]
    if unsafe:
        off = f"{' and '.join(unsafe)} {'is' if len(unsafe) == 1 else 'are'} off"
        yield warn(off, "turn this on, or a crash of the machine may lose data")
    else:
        yield ok("fsync and full_page_writes are on")
    if pool * 4 > seen.max_connections:
        remedy = "raise max_connections, or lower AGENT_DB_POOL_SIZE"
        yield warn(
            f"max_connections is {seen.max_connections}, and each process takes {pool}", remedy
        )


def schema(stands_at: str | None) -> Finding:
    remedy = "run `agent-workers migrate`"
    if stands_at is None:
        return fail("the database was never migrated", remedy)
    if known(stands_at) and is_behind(stands_at, newest()):
        return fail(f"the schema is at {stands_at}; this release needs {newest()}", remedy)
    return ok(f"the schema is at {stands_at}")


def work(seen: WorkSeen, reported: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Judge what goes on: is somebody there for each lane, and does anything wait for a person?

    A lane that an agent needs, or a step waits in, must be served; before there are agents, none must.
    """
    missing = {lane.value for lane in Lane} - seen.lanes
    # Behind some poolers a worker holds no lock, and only its report says that it runs.
    failing = missing & (seen.needed - reported)
    for say, lanes in ((fail, sorted(failing)), (warn, sorted(missing - failing))):
        if lanes:
            yield say(
                f"no worker serves {_lanes(lanes)}: steps wait",
                " and ".join(f"run `{command}`" for command in commands_for(lanes)),
            )
    if not missing:
        yield ok(
            f"every lane is served ({counted(seen.workers, 'worker process', 'worker processes')})"
        )
    if seen.oldest_due_s > _LATE_S:
        late = f"{counted(seen.due, 'step')} due in {seen.due_lanes}, the oldest for {seen.oldest_due_s:.0f} s"
        yield warn(
            late,
            "start more workers (`agent-workers worker`), or find one that hangs (`agent-workers workers`)",
        )
    elif not seen.lacking:
        yield ok("no step waits for a worker")
    yield from (_lacking(key, jobs) for key, jobs in seen.lacking.items())
    yield from _for_people(seen)


def _for_people(seen: WorkSeen) -> Iterator[Finding]:
    if seen.doubts:
        yield warn(f"{counted(seen.doubts, 'effect')} in doubt", "see `agent-workers doubts list`")
    if seen.quarantined:
        held = f"{counted(seen.quarantined, 'step')} in quarantine"
        yield warn(held, "see `agent-workers quarantine list`")
    if seen.questions:
        yield warn(
            f"{counted(seen.questions, 'question')} without a person's answer",
            "`agent-workers jobs list --status waiting`, then `jobs show` and `jobs answer`",
        )
    if not seen.doubts and not seen.quarantined and not seen.questions:
        yield ok("nothing waits for a person")


def _lacking(key: str, jobs: int) -> Finding:
    """Name what no worker has, with how many jobs wait for it; retired agents have jobs, too."""
    what, _, name = key.partition(":")
    of = f" --agent {shlex.quote(name)}" if what == "agent" else ""
    return warn(
        f"{counted(jobs, 'job')} {'waits' if jobs == 1 else 'wait'} for a worker with {what} {name!r}",
        "run `agent-workers worker --tools MODULE` with its module, or cancel what"
        f" `agent-workers jobs list --status waiting{of}` lists",
    )


def commands_for(lanes: Sequence[str]) -> list[str]:
    """Say how to start workers for these lanes: effects need a process each, the others do not."""
    others = ",".join(lane for lane in lanes if lane != Lane.EFFECT)
    commands = [f"agent-workers worker --lanes {others} --pool threads"] if others else []
    if Lane.EFFECT in lanes:
        commands.append("agent-workers worker --lanes effect --pool prefork")
    return commands


def _lanes(lanes: Sequence[str]) -> str:
    return f"lane {lanes[0]}" if len(lanes) == 1 else f"lanes {', '.join(lanes)}"


def breakers(seen: Sequence[BreakerSeen]) -> Iterator[Finding]:
    """Judge what nobody is let through to: it closes by itself, unless somebody opened it."""
    shut = [each.breaker for each in seen if each.breaker.state is not BreakerState.CLOSED]
    failing = {breaker.name: breaker.reason for breaker in shut if not breaker.by_hand}
    for name, reason in failing.items():
        tenants = {one.tenant_id for one in shut if one.name == name and not one.by_hand}
        of = "" if EVERYBODY in tenants else f" for {counted(len(tenants), 'tenant')}"
        remedy = "jobs wait for it and go on by themselves; see `agent-workers breakers list`"
        yield warn(f"{name} fails{of} ({reason})", remedy)
    for breaker in shut:
        if breaker.by_hand:
            of = "" if breaker.tenant_id == EVERYBODY else f" for tenant {breaker.tenant_id}"
            remedy = f"`agent-workers breakers close {breaker.name}` lets jobs go on"
            yield warn(f"{breaker.name} was turned off by hand{of} ({breaker.reason})", remedy)
    if not shut:
        yield ok("no circuit breaker is open")


def webhooks(due: int, oldest_s: float) -> Finding:
    if oldest_s <= _LATE_S:
        return ok("no webhook is overdue")
    late = f"{counted(due, 'webhook')} due, the oldest for {oldest_s:.0f} s"
    return warn(late, "start `agent-workers webhooks deliver`, or more of them")


def schedules(due: int, oldest_s: float) -> Finding:
    if oldest_s <= _LATE_S:
        return ok("no schedule is overdue")
    late = f"{counted(due, 'schedule')} due, the oldest for {oldest_s:.0f} s"
    return warn(late, "start `agent-workers beat`, or look for errors in its log")


def events(dead: int, behind_s: float) -> Iterator[Finding]:
    """Judge events in and out: what could not be taken, and what a relay has not told yet."""
    if dead:
        failed = f"{counted(dead, 'message')} could not be processed"
        yield warn(failed, "see `agent-workers triggers letters`")
    if behind_s > _LATE_S:
        remedy = "start `agent-workers relay`, or look for a transaction that stays open"
        yield warn(f"a relay is {behind_s:.0f} s behind", remedy)
    if not dead and behind_s <= _LATE_S:
        yield ok("every incoming event was processed, and no relay is behind")


def _known_agents(wanted: Sequence[str], seen: Mapping[str, object]) -> Iterator[Finding]:
    unknown = [name for name in wanted if name not in seen]
    if unknown:
        yield warn(f"no worker has announced these agents: {', '.join(unknown)}", _START)
    elif seen:
        yield ok(f"agents: {', '.join(sorted(seen))}")
    else:
        yield warn("no agent is known", _START)


def quotas(full: Sequence[Full]) -> Iterator[Finding]:
    for one in full:
        used, most = bytes_in_words(one.used), bytes_in_words(one.most)
        remedy = f"raise it: `agent-workers quotas set bytes NUMBER --tenant {one.tenant_id}`"
        yield warn(f"tenant {one.tenant_id!r} stores {used} of at most {most}", remedy)
    if not full:
        yield ok("no tenant is near its quota of bytes")


# Without these nothing is found, or a key or a schedule that was acknowledged may be lost; a permit
# sets the others for itself.
_NEEDED = {"search_path", "synchronous_commit"}
_MIGRATE = "run `agent-workers migrate`, then let the pooler reconnect"


def session(seen: SessionSeen) -> Iterator[Finding]:
    """Judge a connection of the pool: does each setting that we count on arrive?"""
    for name, wanted in SETTINGS.items():
        if name not in seen.wrong:
            yield ok(f"session setting {name} is in force")
        else:
            is_now = seen.wrong[name] or "empty"
            say = fail if name in _NEEDED else warn
            yield say(
                f"{name} is {is_now}, not {wanted}: a pooler drops connection options", _MIGRATE
            )
    if seen.is_shared:
        remedy = "nothing to do if AGENT_DIRECT_DATABASE_URL bypasses it"
        yield warn(
            "a pooler in transaction mode is in between: statements are not prepared", remedy
        )
    elif seen.is_pooled:
        yield ok("a pooler in session mode is in between")


def role(powers: str) -> Finding:
    """Judge whom we connect as: a stolen connection may do what its role may do."""
    if powers:
        remedy = "use roles of its own: see `Roles` in docs/operating.md"
        return warn(f"the database role has rights over the server ({powers})", remedy)
    return ok("the database role has no rights over the server")


def direct(settings: Settings) -> Finding:
    """Judge the connection that holds the lock of a living worker."""
    remedy = (
        "let AGENT_DIRECT_DATABASE_URL bypass the pooler; until then a killed worker is noticed"
        " only when its lease ends"
    )
    try:
        seen = look_at(settings.direct_database_url)
    except StateUnavailable as error:
        return warn(f"the direct URL cannot be reached ({reason_of(error)})", remedy)
    if seen.is_shared:
        return warn("the direct URL holds no session locks: a pooler shares its sessions", remedy)
    return ok("the direct URL holds session locks: killed workers are noticed at once")
