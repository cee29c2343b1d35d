"""`agent-workers up`: its options, and its first line, which does not wait for what takes long to import."""

import argparse
from importlib import import_module
from pathlib import Path

from agent_workers.local.output import Lines
from agent_workers.local.surroundings import add_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)
    parser.add_argument(
        "--tools", help="modules that declare agents (AGENT_TOOLS; by default the demo's)"
    )
    parser.add_argument(
        "--with",
        dest="folders",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="agents in a folder, say examples/customer_support (see docs/quickstart.md)",
    )
    parser.add_argument("--api-port", type=int, help="AGENT_API_PORT, 8000")
    parser.add_argument("--flower-port", type=int, help="AGENT_FLOWER_PORT, 5555")
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="write what programs say to <folder>/logs alone, not to the terminal",
    )


def run(arguments: argparse.Namespace) -> int:
    lines = Lines()
    lines.announce("checking the modules")
    code: int = import_module("agent_workers.cli.start.running").run_all(arguments, lines)
    return code
