"""`agent-workers ingest`: becomes a consumer of events from a broker outside."""

import argparse

from agent_workers.cli.start.becoming import become
from agent_workers.local import programs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="the broker to take events from (AGENT_INGEST_URL)")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--queue", help="the queue to take messages from")
    source.add_argument("--stream", help="the Redis stream to take entries from")
    parser.add_argument("--group", help="with --stream: the consumer group (agent-workers)")
    parser.add_argument("--exchange", help="declare the queue and bind it to this exchange")
    parser.add_argument(
        "--exchange-type",
        choices=("topic", "direct", "fanout"),
        help="of the exchange to declare (topic)",
    )
    parser.add_argument(
        "--routing-key", help="with --exchange; by default #, which matches everything"
    )
    parser.add_argument("--tenant", help="the tenant whose triggers they start (default)")


def run(arguments: argparse.Namespace) -> int:
    return become(programs.INGEST, {"INGEST_URL": arguments.url}, options=said(arguments, "url"))


def said(arguments: argparse.Namespace, *but: str) -> list[str]:
    """Return the options that were given, for the program that this process becomes."""
    options = []
    for name, value in vars(arguments).items():
        if value is None or value is False or name in but:
            continue
        options.append("--" + name.replace("_", "-"))
        if value is not True:
            options.append(str(value))
    return options
