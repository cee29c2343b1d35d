"""`agent-workers doctor`: looks at everything, says one line each, and what to do about it."""

import argparse
import os

from agent_workers.cli.checks import check_broker, check_settings, load_tools, misspelt
from agent_workers.cli.checks_mcp import check_mcp
from agent_workers.cli.checks_models import check_models
from agent_workers.cli.checks_outside import check_outside
from agent_workers.cli.checks_sandbox import check_sandbox
from agent_workers.cli.checks_spill import check_spill
from agent_workers.cli.checks_state import check_database
from agent_workers.cli.findings import Finding, Level
from agent_workers.cli.surroundings import add_folder, settings_here
from agent_workers.settings import Settings
from agent_workers.state.engine import Database


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)


def run(arguments: argparse.Namespace) -> int:
    found = look(settings_here(arguments))
    for finding in found:
        print(finding.line)
    return int(any(finding.level is Level.FAIL for finding in found))


def look(settings: Settings) -> list[Finding]:
    found = [*check_settings(settings), *misspelt(os.environ)]
    tools, agents = load_tools(settings)
    found += tools
    found += check_models(settings)
    found += check_outside(settings)
    found += check_sandbox(settings)
    found += check_spill(settings)
    found += check_mcp(settings)
    if settings.broker_url:
        found += check_broker(settings.broker_url)
    if settings.database_url:
        database = Database(settings.database_url, pool_size=2, name="agent-workers doctor")
        try:
            found += check_database(settings, database, agents)
        finally:
            database.close()
    return found
