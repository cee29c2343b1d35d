"""Checks of what needs no database: settings, secrets, the broker, and the declared tools."""

from collections.abc import Iterable, Iterator

from agent_workers.cli.tools.checks import is_silent
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.text.addresses import shown_address
from agent_workers.domain.text.nearest import did_you_mean
from agent_workers.execution.agents.registry import Registry
from agent_workers.local.agents.registry import registry_of
from agent_workers.settings import PREFIX, Settings
from agent_workers.terminal.findings import Finding, fail, ok, warn
from agent_workers.terminal.printing import counted
from agent_workers.transport.brokers.profiles import Broker
from agent_workers.transport.diagnosis import BrokerSeen, BrokerSilent, look_at

# What is read elsewhere than in the settings.
_BESIDE = frozenset(PREFIX + name for name in ("API_URL", "API_KEY", "FLOWER_URL", "SECRETS_DIR"))
_NEAR = 0.9
_NO_START = "no worker starts with this: correct it, then run `agent-workers tools check`"


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Judge what is set, without asking any server."""
    needed = ("database_url", "broker_url", "secret_pepper")
    missing = [f"AGENT_{name.upper()}" for name in needed if not getattr(settings, name)]
    if missing:
        remedy = "set them (docs/configuration.md), or name the data folder of `agent-workers up` with --folder"
        yield fail(f"not set: {', '.join(missing)}", remedy)
    else:
        yield ok("settings: database, broker and pepper are set")
    if not settings.flower_password:
        yield warn(
            "AGENT_FLOWER_PASSWORD is not set", "set it before you run `agent-workers flower`"
        )
    if not settings.redis_url:
        yield warn(
            "AGENT_REDIS_URL is not set",
            "set it, or long polls look only once a second for changes",
        )


def misspelt(names: Iterable[str]) -> Iterator[Finding]:
    """Tell of variables that are no settings, but nearly: nobody reads them."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | _BESIDE
    for name in sorted(names):
        setting = name.removesuffix("_FILE")
        meant = did_you_mean(setting, known, near=_NEAR)
        if name.startswith(PREFIX) and meant and setting not in known:
            yield warn(f"{name} is not a setting, and nothing reads it", meant)


def check_broker(broker_url: str) -> Iterator[Finding]:
    try:
        yield from broker(look_at(broker_url))
    except BrokerSilent as error:
        place = shown_address(broker_url)
        remedy = "start it, or correct AGENT_BROKER_URL, then run `agent-workers doctor`; jobs are accepted, and wait"
        yield fail(f"the broker at {place} cannot be reached ({error})", remedy)


def broker(seen: BrokerSeen) -> Iterator[Finding]:
    """Judge the broker. The rows are the truth, so what it forgets costs time and nothing else."""
    name = "Redis" if seen.kind is Broker.REDIS else "RabbitMQ"
    yield ok(f"{name} {seen.version}")
    if seen.kind is not Broker.REDIS:
        return
    if seen.eviction not in {"noeviction", ""}:
        remedy = "set it to noeviction, or Redis drops messages, and their steps start late"
        yield warn(f"Redis: maxmemory-policy is {seen.eviction}", remedy)
    elif seen.eviction:
        yield ok("Redis: maxmemory-policy is noeviction")
    if seen.appendonly == "no":
        yield warn(
            "Redis: appendonly is no",
            "set it to yes, or a restart loses messages, and their steps start late",
        )
    elif seen.appendonly:
        yield ok(f"Redis: appendonly is {seen.appendonly}")


def load_tools(settings: Settings) -> tuple[list[Finding], list[str]]:
    """Load what a worker would load; returns the findings, and the names of the agents."""
    if not settings.tools:
        return [
            warn(
                "AGENT_TOOLS names no module",
                "start workers with `agent-workers worker --tools MODULE`",
            )
        ], []
    try:
        registry = registry_of(settings)
    except AgentWorkersError as error:
        return [fail(f"tools: {error}", _NO_START)], []
    except Exception as error:  # noqa: BLE001 (importing users' modules may raise anything)
        return [fail(f"tools: {type(error).__name__}: {error}", _NO_START)], []
    return list(declarations(registry)), registry.names()


def declarations(registry: Registry) -> Iterator[Finding]:
    """Judge the declarations: what says nothing of its effect is never repeated."""
    tools = registry.tools
    yield ok(f"{counted(len(registry.names()), 'agent')} and {counted(len(tools), 'tool')} load")
    unsafe = sorted(n for n, tool in tools.items() if "effect" in tool.declared.unsaid)
    if unsafe:
        remedy = (
            "after a crash in one a person is asked; declare effect= (`agent-workers tools check`)"
        )
        yield warn(f"tools that declare no effect, and so are unsafe: {', '.join(unsafe)}", remedy)
    silent = sorted(name for name, tool in tools.items() if is_silent(tool.declared))
    if silent:
        remedy = "write one: it tells planners what the tool does"
        yield warn(f"tools without a docstring: {', '.join(silent)}", remedy)
