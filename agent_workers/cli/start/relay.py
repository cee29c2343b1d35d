"""`agent-workers relay`: becomes the process that publishes the journal to an exchange outside."""

import argparse

from agent_workers.cli.start.becoming import become
from agent_workers.cli.start.ingest import said
from agent_workers.local import programs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="the broker to publish to (AGENT_RELAY_URL)")
    parser.add_argument(
        "--exchange",
        required=True,
        help="the exchange to publish to; declared if it does not exist",
    )
    parser.add_argument(
        "--exchange-type",
        choices=("topic", "direct", "fanout"),
        help="of the exchange to declare (topic)",
    )
    parser.add_argument("--queue", help="declare this queue and bind it to the exchange")
    parser.add_argument(
        "--routing-key", help="with --queue; by default #, which matches everything"
    )
    parser.add_argument(
        "--name", help="the name under which its place in the journal is kept (default)"
    )
    parser.add_argument("--from", choices=("now", "start"), help="where a new relay begins (now)")
    parser.add_argument("--reposition", action="store_true", help="move a known relay to --from")


def run(arguments: argparse.Namespace) -> int:
    return become(programs.RELAY, {"RELAY_URL": arguments.url}, options=said(arguments, "url"))
