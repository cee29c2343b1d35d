"""`agent-workers`: finds the command that was asked for, loads it alone, and runs it."""

import errno
import importlib
import importlib.util
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType

from agent_workers.cli.hints import hint_of, without_database
from agent_workers.client.errors import ClientError
from agent_workers.domain.errors import AgentWorkersError, StateUnavailable
from agent_workers.domain.running.exits import exit_code_of
from agent_workers.embedded.errors import EmbeddedServerError
from agent_workers.terminal.parsing import Parser
from agent_workers.terminal.screening import screened


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command lives: a module with `add_arguments(parser)` and `run(arguments) -> int`."""

    module: str
    help: str


_HERE = "agent_workers.cli"
# By name, not by import: `worker` must not pay for what `migrate` needs, nor `--help` for either.
COMMANDS: Mapping[str, Command] = {
    "up": Command(f"{_HERE}.start.up", "run everything here under one supervisor, until Ctrl-C"),
    "demo": Command(f"{_HERE}.demo", "answer a refund question on servers of its own, then stop"),
    "api": Command(f"{_HERE}.start.api", "serve the HTTP API"),
    "worker": Command(f"{_HERE}.start.worker", "run a worker (`worker --help` lists its options)"),
    "beat": Command(f"{_HERE}.start.beat", "fire schedules (Celery beat); several may run"),
    "flower": Command(
        f"{_HERE}.start.flower", "serve Flower: the queue's tasks, behind a password"
    ),
    "migrate": Command(f"{_HERE}.migrate", "bring the database's schema up to date"),
    "workers": Command(f"{_HERE}.workers", "list the running workers, and what each has"),
    "doctor": Command(f"{_HERE}.doctor", "check settings, servers, tools and what waits"),
    "keys": Command(f"{_HERE}.keys", "create, list and revoke API keys"),
    "knowledge": Command(f"{_HERE}.knowledge", "load documents that agents may search"),
    "jobs": Command(f"{_HERE}.jobs", "submit, follow and control jobs over HTTP"),
    "agents": Command(f"{_HERE}.agents", "apply, list, compare and retire agents"),
    "tools": Command(f"{_HERE}.tools", "list, show, check and call the tools that are here"),
    "models": Command(f"{_HERE}.models", "list the models that are known here, and try one"),
    "batches": Command(f"{_HERE}.batches", "submit files of jobs, follow them, read the results"),
    "sessions": Command(f"{_HERE}.sessions", "list, show and clear conversations"),
    "schedules": Command(f"{_HERE}.schedules", "start jobs and batches at set times"),
    "triggers": Command(f"{_HERE}.triggers", "start jobs by events; see messages that failed"),
    "memory": Command(f"{_HERE}.memory", "list, search and delete what agents remember"),
    "ingest": Command(f"{_HERE}.start.ingest", "take events from an external queue or stream"),
    "relay": Command(f"{_HERE}.start.relay", "publish events to an external exchange"),
    "webhooks": Command(f"{_HERE}.webhooks", "send events to URLs; see what was delivered"),
    "doubts": Command(f"{_HERE}.doubts", "resolve effects that may or may not have happened"),
    "quarantine": Command(f"{_HERE}.quarantine", "list and release steps that killed workers"),
    "breakers": Command(f"{_HERE}.breakers", "show, open and close breakers of tools and models"),
    "quotas": Command(f"{_HERE}.quotas", "show and set the quotas of a tenant"),
    "mcp": Command(f"{_HERE}.mcp", "add MCP servers, and approve the tools that they offer"),
    "sandbox": Command(f"{_HERE}.sandbox", "show the sandboxes here, try them, run a file in one"),
    "prove": Command(
        "agent_workers.proving.command", "kill workers at crash points and count the effects"
    ),
    "bench": Command("agent_workers.bench.command", "measure speed, recovery time and memory"),
}
# Its options are the worker's own, `--help` included.
_HANDS_DOWN = "worker"
_WRONG = 2
_HALF = "surrogates not allowed"
# What a machine may refuse to anybody, and what to do about it.
_OTHER_PLACE = "give this account access to it, or name another folder (--folder)"
_IN_THE_WAY = "a file is in the way: move it, or name another folder (--folder)"
_MACHINE: Mapping[int | None, str] = {
    errno.EACCES: _OTHER_PLACE,
    errno.EPERM: _OTHER_PLACE,
    errno.EROFS: _OTHER_PLACE,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some space within the disk quota of this account",
}
# As Postgres says it.
_NOT_PERMITTED = "42501"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; nothing that it says can be a command to the terminal."""
    with screened():
        return _told(arguments)


def _told(arguments: Sequence[str] | None) -> int:
    """What went wrong is one line."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in given if not word.startswith("-")), "")
    try:
        return _run(name, given)
    except (AgentWorkersError, EmbeddedServerError, ClientError) as error:
        said = _with_hint(error, given)
        print(f"agent-workers{f' {name}' if name else ''}: {said}", file=sys.stderr)
        return _code_of(error)
    except UnicodeEncodeError as error:
        if error.reason != _HALF:
            raise
        # A shell gives whatever bytes it was given; only names of files may be no text.
        print(
            f"agent-workers {name}: {ascii(error.object)[:100]} is not valid UTF-8", file=sys.stderr
        )
        return _WRONG
    except BrokenPipeError:
        # Whoever read us (`| head`) has seen enough; closing stdout again would say so twice.
        sys.stderr.close()
        return 0
    except Exception as error:
        foreseen = _foreseen(error)
        if foreseen is None:
            raise
        print(f"agent-workers {name}: {foreseen}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _foreseen(error: Exception) -> str | None:
    """Say what machine or database refuse to any command, and what to do about it."""
    if isinstance(error, OSError) and isinstance(error.filename, str | bytes):
        remedy = f": {_MACHINE[error.errno]}" if error.errno in _MACHINE else ""
        return f"{os.fsdecode(error.filename)!r}: {error.strerror}{remedy}"
    # Any command that speaks to the database may end so; only those import its driver.
    if getattr(error, "sqlstate", None) == _NOT_PERMITTED:
        return f"{_one_line(error)}: run it as the owner of the agent_workers tables"
    return None


def _run(name: str, given: Sequence[str]) -> int:
    parser, commands = _parser()
    module = loaded(COMMANDS[name].module) if name in commands else None
    if module is not None:
        module.add_arguments(commands[name])
    arguments, rest = parser.parse_known_args(given)
    if module is None:
        parser.print_help()
        return _WRONG
    if name == _HANDS_DOWN:
        arguments.rest = rest
    elif rest:
        commands[name].unknown(rest, given)
    _let_interrupt()
    code: int = module.run(arguments)
    return code


def _let_interrupt() -> None:
    """From here on Ctrl-C has something to unwind; before, it just ended us (see the launcher)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _parser() -> tuple[Parser, dict[str, Parser]]:
    parser = Parser(
        prog="agent-workers",
        description="Durable agent jobs: no crash, retry or duplicate repeats a side effect.",
        epilog="Settings are AGENT_* variables: see docs/configuration.md.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    found = parser.add_subparsers(metavar="COMMAND", title="commands")
    commands = {
        name: found.add_parser(
            name, help=command.help, description=command.help, add_help=name != _HANDS_DOWN
        )
        for name, command in COMMANDS.items()
        if _place_of(command.module)
    }
    return parser, commands


def loaded(module: str) -> ModuleType:
    return importlib.import_module(_place_of(module))


def _place_of(module: str) -> str:
    """Return the module itself, or `command` within a package; nothing where neither is there."""
    found = importlib.util.find_spec(module)
    if found is None or found.submodule_search_locations is None:
        return module if found else ""
    inner = f"{module}.command"
    return inner if importlib.util.find_spec(inner) else ""


def _version() -> str:
    return version("agent-workers-runtime")


def _with_hint(error: Exception, given: Sequence[str]) -> str:
    # Those derived from it say themselves what to do.
    if type(error) is StateUnavailable:
        return without_database(error)
    hint = hint_of(error, given) if isinstance(error, ClientError) else ""
    said = _one_line(error).rstrip(".")
    return f"{said}{' ' if said.endswith('?') else '; '}{hint}" if hint else _one_line(error)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _code_of(error: Exception) -> int:
    return exit_code_of(error) if isinstance(error, AgentWorkersError) else 1


if __name__ == "__main__":
    sys.exit(main())
