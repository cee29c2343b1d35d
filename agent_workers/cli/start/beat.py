"""`agent-workers beat`: becomes the process of Celery's clock."""

import argparse

from agent_workers.cli.start.becoming import become
from agent_workers.local import programs


def add_arguments(_: argparse.ArgumentParser) -> None:
    """All that it needs are settings."""


def run(_: argparse.Namespace) -> int:
    return become(programs.BEAT, {})
