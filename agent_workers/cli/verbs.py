"""Commands with verbs over HTTP: how a verb is added, and how it finds its API."""

import argparse
from collections.abc import Callable

from agent_workers.cli.surroundings import add_api, api_here
from agent_workers.client.client import Client

Act = Callable[[Client, argparse.Namespace], int]
Verbs = Callable[[str, str, Act], argparse.ArgumentParser]


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
