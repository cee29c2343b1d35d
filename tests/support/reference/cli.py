"""docs/reference/cli.md: every command with its verbs and options, from the parsers themselves."""

import argparse
from collections.abc import Iterator

from agent_workers.cli.main import COMMANDS, loaded
from agent_workers.terminal.parsing import Parser
from agent_workers.worker.programs.main import parser as worker_parser
from tests.support.reference.markdown import page, table

INTRODUCTION = """\
Every command, with its verbs and options. `agent-workers COMMAND --help` prints the same.
An option in brackets may be left out. Settings are environment variables:
[configuration](../configuration.md)."""
_OWN_PARSERS = {"worker": worker_parser}


def cli() -> str:
    """Return the page as it should be."""
    commands = (one for name in COMMANDS for one in _command(name))
    return page("The command line", INTRODUCTION, *commands)


def _command(name: str) -> Iterator[str]:
    if name in _OWN_PARSERS:
        yield from _described(_OWN_PARSERS[name](), COMMANDS[name].help, level=2)
        return
    parser = Parser(prog=f"agent-workers {name}")
    loaded(COMMANDS[name].module).add_arguments(parser)
    yield from _described(parser, COMMANDS[name].help, level=2)


def _described(parser: argparse.ArgumentParser, says: str, *, level: int) -> Iterator[str]:
    yield f"{'#' * level} {parser.prog}"
    yield _sentence(says)
    verbs = next(
        (one for one in parser._actions if isinstance(one, argparse._SubParsersAction)), None
    )
    own = [one for one in parser._actions if one is not verbs and one.dest != "help"]
    if verbs is None:
        yield f"```text\n{' '.join((parser.prog, *map(_used, own)))}\n```"
    yield table(("argument", "meaning"), ((f"`{_name(one)}`", _help(parser, one)) for one in own))
    yield _sentence(parser.epilog or "")
    if verbs is not None:
        told = {one.dest: one.help or "" for one in verbs._choices_actions}
        for name, verb in verbs.choices.items():
            yield from _described(verb, told.get(name, ""), level=level + 1)


def _name(action: argparse.Action) -> str:
    """Return the argument as it is written: `--deadline TIME`, or `agent`."""
    if not action.option_strings:
        return _value(action)
    names = ", ".join(action.option_strings)
    return names if action.nargs == 0 else f"{names} {_value(action)}"


def _value(action: argparse.Action) -> str:
    if action.choices is not None and action.metavar is None:
        return "{" + ",".join(str(one) for one in action.choices) + "}"
    return str(action.metavar or (action.dest.upper() if action.option_strings else action.dest))


def _used(action: argparse.Action) -> str:
    short = _name(action) if not action.option_strings else _name(action).split(", ")[-1]
    repeated = f"{short} …" if action.nargs in {"*", "+"} else short
    optional = not action.required if action.option_strings else action.nargs in {"?", "*"}
    return f"[{repeated}]" if optional else repeated


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return parser._get_formatter()._expand_help(action) if action.help else ""


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text and f"{text[0].upper()}{text[1:]}{'' if text[-1] in '.!?' else '.'}"
