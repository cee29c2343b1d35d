"""`agent-workers flower`: becomes Flower's process."""

import argparse

from agent_workers.cli.start.becoming import become
from agent_workers.local import programs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", help="AGENT_FLOWER_ADDRESS, 127.0.0.1")
    parser.add_argument("--port", help="AGENT_FLOWER_PORT, 5555")
    parser.add_argument(
        "--read-only",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="AGENT_FLOWER_READ_ONLY: nothing can be revoked or shut down from the pages",
    )


def run(arguments: argparse.Namespace) -> int:
    read_only = None if arguments.read_only is None else str(arguments.read_only).lower()
    changed = {
        "FLOWER_ADDRESS": arguments.address,
        "FLOWER_PORT": arguments.port,
        "FLOWER_READ_ONLY": read_only,
    }
    return become(programs.FLOWER, changed)
