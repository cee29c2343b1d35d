"""`agent-workers worker`: becomes a worker's process, with the options that it was given."""

import argparse

from agent_workers.cli.start.becoming import become
from agent_workers.local import programs


def add_arguments(_: argparse.ArgumentParser) -> None:
    """The worker reads its options itself."""


def run(arguments: argparse.Namespace) -> int:
    return become(programs.WORKER, {}, options=arguments.rest)
