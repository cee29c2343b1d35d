"""The programs of a whole system, and the variables that each of them is started with."""

import json
import os
import sys
from collections.abc import Mapping, Set
from dataclasses import asdict, is_dataclass

from agent_workers.local.child import Program
from agent_workers.settings import PREFIX, Settings

# -P: a folder `api` or a file `celery.py` of the user's must not stand in for ours.
PYTHON = (sys.executable, "-P", "-m")
# A signal that comes while it is imported ends it, and Python says nothing of it.
START = (*PYTHON, "agent_workers_launch")
API = "api.main"
WORKER = "agent_workers.worker.programs.main"
BEAT = "agent_workers.worker.programs.beat"
FLOWER = "agent_workers.worker.programs.flower"
WEBHOOKS = "agent_workers.worker.programs.webhooks"
INGEST = "agent_workers.worker.programs.ingest_main"
RELAY = "agent_workers.worker.programs.relay_main"
TOOL_CALL = "agent_workers.worker.programs.tool_call"
REFUND_SERVER = "agent_workers.demo.refund_server"
DEMO_TOOLS = "agent_workers.demo.agents"
DEMO_MODEL_TOOLS = "agent_workers.demo.by_model"
DEMO_REFUND_URL = "DEMO_REFUND_URL"
# How long workers that are told to stop may go on with the steps that they do.
STEPS_MAY_FINISH_S = 30
# What is not shown of settings is not told to every program either.
_SECRETS = frozenset(name for name, field in Settings.model_fields.items() if not field.repr)
_DATABASE = ("database_url", "direct_database_url")
_QUEUE = ("broker_url", "redis_url")
# What any program may need of a shell: where it stands, how it speaks, whom it trusts, how it gets out.
_PLAIN_NAMES = frozenset(
    "PATH HOME USER LOGNAME SHELL PWD TERM NO_COLOR LANG LANGUAGE TZ TZDIR TMPDIR TEMP TMP VIRTUAL_ENV"
    " REQUESTS_CA_BUNDLE CURL_CA_BUNDLE HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY".split()
)
_PLAIN_PREFIXES = ("LC_", "SSL_", "PYTHON", "LD_", "DYLD_", "XDG_", "COVERAGE_")
# Certificates and files of passwords, for whoever speaks to Postgres.
_LIBPQ = "PG"


def variables_of(settings: Settings, **changed: str | int) -> dict[str, str]:
    """Return the variables that say what these settings say, with some of them changed."""
    fields = {name: getattr(settings, name) for name in Settings.model_fields} | changed
    return {f"{PREFIX}{name.upper()}": _written(value) for name, value in fields.items()}


def environment(
    variables: Mapping[str, str], needs: Set[str] = frozenset(), *, calls_tools: bool = False
) -> dict[str, str]:
    """Return our own environment with these variables, which then come from nowhere else.

    Of our secrets it holds the settings that it `needs`. What a shell holds besides (keys of models,
    what MCP servers and tools are given) is for whoever calls tools; others get what any program needs.
    """
    kept_from = {f"{PREFIX}{name.upper()}" for name in _SECRETS if name not in needs}
    told = {name: value for name, value in variables.items() if value and name not in kept_from}
    plain = _PLAIN_PREFIXES if needs.isdisjoint(_DATABASE) else (*_PLAIN_PREFIXES, _LIBPQ)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX)
        and (calls_tools or name.upper() in _PLAIN_NAMES or name.startswith(plain))
    }
    return {**kept, **told, **_ALWAYS}


def api(variables: Mapping[str, str], *, url: str) -> Program:
    return Program(
        name="api",
        command=(*START, API),
        environment=environment(variables, {*_QUEUE, *_DATABASE, "secret_pepper"}),
        patience_s=15,
        live_url=url,
    )


def model_worker(variables: Mapping[str, str]) -> Program:
    return _worker("worker-model", "plan,tool,evaluate", "threads", variables)


def effect_worker(variables: Mapping[str, str]) -> Program:
    return _worker("worker-effect", "effect", "prefork", variables)


def beat(variables: Mapping[str, str]) -> Program:
    surroundings = environment(variables, {*_QUEUE, *_DATABASE})
    return Program(name="beat", command=(*START, BEAT), environment=surroundings)


def webhooks(variables: Mapping[str, str]) -> Program:
    surroundings = environment(variables, {*_DATABASE, "secret_pepper", "egress_proxy"})
    # Longer than an attempt may take, so that what is under way is not sent twice.
    return Program(
        name="webhooks", command=(*START, WEBHOOKS), environment=surroundings, patience_s=35
    )


def flower(variables: Mapping[str, str]) -> Program:
    surroundings = environment(variables, {*_QUEUE, "flower_password"})
    return Program(name="flower", command=(*START, FLOWER), environment=surroundings)


def refund_server(variables: Mapping[str, str], port: int, *, slow_s: float) -> Program:
    command = (*PYTHON, REFUND_SERVER, "--port", str(port), "--slow", str(slow_s))
    return Program(name="refund-server", command=command, environment=environment(variables))


def _worker(name: str, lanes: str, pool: str, variables: Mapping[str, str]) -> Program:
    command = (*START, WORKER, "--lanes", lanes, "--pool", pool)
    return Program(
        name=name,
        # Two workers cannot share one name in Flower.
        command=(*command, "--name", f"{name}@%h"),
        environment=environment(variables, _SECRETS - {"flower_password"}, calls_tools=True),
        patience_s=STEPS_MAY_FINISH_S,
    )


def _written(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(str(part) for part in value)
        case dict():
            return json.dumps({name: _part(one) for name, one in value.items()})
        case _:
            return str(value)


def _part(value: object) -> object:
    """What is not set of a value would be read as a wrong one."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: one for name, one in asdict(value).items() if one}
    return value


_ALWAYS = {"PYTHONUNBUFFERED": "1"}
