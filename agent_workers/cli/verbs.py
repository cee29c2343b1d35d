"""Commands with verbs: how a verb is added, and how it finds its API or our database."""

import argparse
from collections.abc import Callable

from agent_workers.client.client import Client
from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.local.surroundings import add_api, add_folder, api_here

Act = Callable[[Client, argparse.Namespace], int]
Verbs = Callable[[str, str, Act], argparse.ArgumentParser]
VerbsHere = Callable[[str, str, Callable[..., object]], argparse.ArgumentParser]


def verbs_of(parser: argparse.ArgumentParser) -> Verbs:
    """Return what adds a verb with its words and what it does."""
    found = parser.add_subparsers(metavar="VERB", required=True)

    def add(name: str, words: str, act: Act) -> argparse.ArgumentParser:
        verb = found.add_parser(name, help=words, description=words)
        add_api(verb)
        verb.set_defaults(act=act)
        return verb

    return add


def run_verb(arguments: argparse.Namespace) -> int:
    place = api_here(arguments)
    with Client(place.url, place.key) as client:
        act: Act = arguments.act
        return act(client, arguments)


def verbs_here(parser: argparse.ArgumentParser, *, whose: str = "", shared: str = "") -> VerbsHere:
    """Return what adds a verb that works on our database; `whose` says what of a tenant it is for.

    `shared` says it of what all tenants may share.
    """
    found = parser.add_subparsers(metavar="VERB", required=True)

    def add(name: str, words: str, act: Callable[..., object]) -> argparse.ArgumentParser:
        verb = found.add_parser(name, help=words, description=words)
        add_folder(verb)
        verb.set_defaults(act=act)
        if whose:
            verb.add_argument(
                "--tenant", default="default", help=f"the tenant of the {whose} (default)"
            )
        if shared:
            verb.add_argument("--tenant", default=EVERYBODY, help=shared)
        return verb

    return add
