"""`agent-workers beat`: becomes the process of Celery's clock."""

import argparse

from agent_workers.cli import programs
from agent_workers.cli.becoming import become


def add_arguments(_: argparse.ArgumentParser) -> None:
    """All that it needs are settings."""


def run(_: argparse.Namespace) -> int:
    return become(programs.BEAT, {})
