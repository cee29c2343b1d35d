"""`agent-workers api`: becomes the API's process."""

import argparse

from agent_workers.cli.start.becoming import become
from agent_workers.local import programs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="AGENT_API_HOST, 127.0.0.1")
    parser.add_argument("--port", help="AGENT_API_PORT, 8000")


def run(arguments: argparse.Namespace) -> int:
    return become(programs.API, {"API_HOST": arguments.host, "API_PORT": arguments.port})
