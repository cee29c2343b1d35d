"""`agent-workers triggers`: which events start which jobs, and the messages that could not be taken."""

import argparse
from typing import Any

from agent_workers.cli.triggers.watch import (
    add_unwatch_arguments,
    add_watch_arguments,
    add_watched_arguments,
    run_watch,
)
from agent_workers.cli.verbs import Act, run_verb
from agent_workers.client.client import Client
from agent_workers.local.surroundings import add_api
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.given import read_given, read_json
from agent_workers.terminal.printing import add_json, counted, print_json, print_rows, print_thing

_COLUMNS = ("id", "name", "enabled", "agent", "types", "where")
# What a verb is about: the member of its arguments, how help calls it, and where ids are shown.
_TRIGGER = ("trigger_id", "TRIGGER", "its id, as `triggers list` shows it")
_LETTER = ("letter_id", "LETTER", "its id, as `triggers letters` shows it")
_LETTER_COLUMNS = ("id", "code", "times", "last_at", "origin", "detail")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def verb(name: str, words: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=words, description=words)

    def add(name: str, words: str, act: Act) -> argparse.ArgumentParser:
        made = verb(name, words)
        add_api(made)
        made.set_defaults(act=act)
        return made

    add_json(add("list", "list triggers, the newest first", _list))
    _create_arguments(add("create", "start a job of an agent for each event that matches", _create))
    for name, words, act, of in (
        ("show", "print a trigger", _show, _TRIGGER),
        ("letter", "print a dead letter as it came", _letter, _LETTER),
    ):
        shown = add(name, words, act)
        _name(shown, of)
        add_json(shown)
    for name, words, act in (
        ("enable", "let a trigger start jobs again", _enable),
        ("disable", "let a trigger start no more jobs", _disable),
        ("delete", "delete a trigger; the jobs that it started go on", _delete),
    ):
        _name(add(name, words, act), _TRIGGER)
    add("send", "send one CloudEvent and say what it started", _send).add_argument(
        "event", help="its JSON, @FILE, or - for standard input"
    )
    letters = add("letters", "list dead letters: messages that could not be processed", _letters)
    letters.add_argument(
        "--state",
        default="dead",
        choices=("dead", "replayed", "discarded"),
        help="only letters in this state (dead)",
    )
    add_json(letters)
    replay = add("replay", "process dead letters again", _replay)
    _name(replay, _LETTER, nargs="*")
    replay.add_argument("--all", action="store_true", help="all dead letters")
    _name(add("discard", "discard a dead letter", _discard), _LETTER)
    add_watch_arguments(
        verb("watch-table", "start a job for each row written to a table, in the same transaction")
    )
    add_unwatch_arguments(verb("unwatch-table", "start no more jobs for a table"))
    add_watched_arguments(verb("watched", "list the tables that are watched"))


def run(arguments: argparse.Namespace) -> int:
    return run_watch(arguments) if hasattr(arguments, "watching") else run_verb(arguments)


def _name(
    parser: argparse.ArgumentParser, of: tuple[str, str, str], nargs: str | None = None
) -> None:
    member, metavar, words = of
    parser.add_argument(member, metavar=metavar, nargs=nargs, help=words)


def _create_arguments(create: argparse.ArgumentParser) -> None:
    create.add_argument("name", help="unique among your triggers")
    create.add_argument("--agent", required=True, help="the agent that each job is for")
    create.add_argument(
        "--type", action="append", help="an event type, exact or with a * at the end; repeatable"
    )
    create.add_argument(
        "--source",
        action="append",
        help="an event source, exact or with a * at the end; repeatable",
    )
    create.add_argument(
        "--where",
        action="append",
        help="a CEL condition on the event, like data.amount > 100; repeatable",
    )
    create.add_argument("--input", help="text or JSON with ${…}; by default the whole event")
    create.add_argument(
        "--metadata",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="kept with each job; repeatable",
    )
    create.add_argument("--max-cost-usd", metavar="USD", help="what each job may cost")


def _create(client: Client, arguments: argparse.Namespace) -> int:
    wanted = {
        "types": arguments.type,
        "sources": arguments.source,
        "where": arguments.where,
        "input": _template(arguments.input),
        "metadata": dict(_pair(text) for text in arguments.metadata),
        "max_cost_usd": arguments.max_cost_usd,
    }
    given = {name: value for name, value in wanted.items() if value}
    made = client.triggers.create(name=arguments.name, agent=arguments.agent, **given)
    print(made["id"])
    return 0


def _list(client: Client, arguments: argparse.Namespace) -> int:
    found = client.triggers.all()
    if arguments.json:
        print_json(found)
    else:
        print_rows(
            found, _COLUMNS, none="no triggers; make one with `agent-workers triggers create`"
        )
    return 0


def _show(client: Client, arguments: argparse.Namespace) -> int:
    print_thing(client.triggers.get(arguments.trigger_id), as_json=arguments.json)
    return 0


def _enable(client: Client, arguments: argparse.Namespace) -> int:
    return _say(client.triggers.change(arguments.trigger_id, enabled=True))


def _disable(client: Client, arguments: argparse.Namespace) -> int:
    return _say(client.triggers.change(arguments.trigger_id, enabled=False))


def _delete(client: Client, arguments: argparse.Namespace) -> int:
    client.triggers.delete(arguments.trigger_id)
    print(f"deleted {arguments.trigger_id}")
    return 0


def _send(client: Client, arguments: argparse.Namespace) -> int:
    event = read_json(read_given(arguments.event, what="the event from "), what="the event")
    if not isinstance(event, dict):
        raise WronglyAsked("the event is not a JSON object")
    print_json(client.triggers.send(event))
    return 0


def _letters(client: Client, arguments: argparse.Namespace) -> int:
    found = client.triggers.letters(state=arguments.state)
    if arguments.json:
        print_json(found)
    else:
        print_rows(found, _LETTER_COLUMNS, none=f"no {arguments.state} letters")
    return 0


def _letter(client: Client, arguments: argparse.Namespace) -> int:
    print_thing(client.triggers.letter(arguments.letter_id), as_json=arguments.json)
    return 0


def _replay(client: Client, arguments: argparse.Namespace) -> int:
    if bool(arguments.letter_id) is arguments.all:
        raise WronglyAsked("give the ids of dead letters, or --all")
    wanted = arguments.letter_id or [one["id"] for one in client.triggers.letters()]
    dead = 0
    for letter_id in wanted:
        letter = client.triggers.replay(letter_id)
        dead += letter["state"] == "dead"
        print(f"{letter['id']} is {letter['state']}")
    if dead:
        raise CommandFailed(f"{dead} of {counted(len(wanted), 'letter')} still cannot be processed")
    return 0


def _discard(client: Client, arguments: argparse.Namespace) -> int:
    letter = client.triggers.discard(arguments.letter_id)
    print(f"{letter['id']} is {letter['state']}")
    return 0


# Any: JSON as the API gave it.
def _say(trigger: dict[str, Any]) -> int:
    print(f"{trigger['id']} is {'enabled' if trigger['enabled'] else 'disabled'}")
    return 0


def _template(text: str | None) -> object:
    if text is None or not text.lstrip().startswith("{"):
        return text
    return read_json(text, what="--input")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise WronglyAsked(f"--metadata takes NAME=VALUE, not {text!r}")
    return name, value
