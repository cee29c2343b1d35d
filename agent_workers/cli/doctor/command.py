"""`agent-workers doctor`: looks at everything, says one line each, and what to do about it."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict

from agent_workers.cli.doctor.mcp import check_mcp
from agent_workers.cli.doctor.models import check_addresses, check_models
from agent_workers.cli.doctor.outside import check_outside
from agent_workers.cli.doctor.sandbox import check_sandbox
from agent_workers.cli.doctor.settings import check_broker, check_settings, load_tools, misspelt
from agent_workers.cli.doctor.spill import check_spill
from agent_workers.cli.doctor.state import check_database
from agent_workers.cli.workers import has_ended
from agent_workers.domain.worker_report import WorkerSeen
from agent_workers.local.database import database_at
from agent_workers.local.surroundings import add_folder, settings_here
from agent_workers.settings import Settings
from agent_workers.state.steps.worker_reports import WorkerReports
from agent_workers.terminal.findings import Finding, Level, warn
from agent_workers.terminal.printing import add_json, print_json

_BY_THIS_SHELL = "no worker runs: agents, tools, models and the sandbox are judged by the environment of this shell"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    found = look(settings_here(arguments))
    if arguments.json:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            print(finding.line)
    return int(any(finding.level is Level.FAIL for finding in found))


def look(settings: Settings) -> list[Finding]:
    found = [*check_settings(settings), *misspelt(os.environ)]
    if not settings.database_url:
        return found + _here(settings)[0] + _servers(settings)
    with database_at(settings.database_url, "doctor", pool_size=2) as one:
        reports = WorkerReports(one).serving()
        workers = [worker for worker in reports if not has_ended(worker.report)]
        tools, agents = _here(settings, workers)
        found += tools + _servers(settings)
        return found + check_database(settings, one, agents, workers)


def _here(
    settings: Settings, workers: Sequence[WorkerSeen] = ()
) -> tuple[list[Finding], list[str]]:
    """Judge what this shell would give to a worker; running ones have said what they have."""
    found: list[Finding] = []
    if not workers:
        found.append(warn(_BY_THIS_SHELL, "start a worker, then run this again"))
        found += check_sandbox(settings)
        found += check_models(settings)
    else:
        found += check_addresses(settings)
    if workers and not settings.tools:
        return found, []
    tools, agents = load_tools(settings)
    return found + tools, agents


def _servers(settings: Settings) -> list[Finding]:
    found = [*check_outside(settings), *check_spill(settings), *check_mcp(settings)]
    if settings.broker_url:
        found += check_broker(settings.broker_url)
    return found
