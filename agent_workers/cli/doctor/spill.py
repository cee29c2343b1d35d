"""Checks of evidence on disk: whether it can be put there, and whether some waits for too long."""

import os
from collections.abc import Iterator
from pathlib import Path

from agent_workers.settings import Settings
from agent_workers.state.steps.spill import SpillFolder, SpillUnreadable
from agent_workers.terminal.findings import Finding, fail, warn

# Any worker process of the host writes it within seconds of Postgres being back.
_OLD_S = 60.0


def check_spill(settings: Settings) -> Iterator[Finding]:
    """Name the files that no worker has taken; say nothing where none was ever needed."""
    place = settings.spill_folder
    if not _is_writable(place):
        remedy = "set AGENT_SPILL_DIR to a folder that survives the workers of this host"
        yield warn(f"evidence of effects cannot be saved on disk: {place} is not writable", remedy)
    folder = SpillFolder(place, settings.spill_secret)
    for path in folder.paths(older_than_s=_OLD_S):
        yield _of(folder, path)


def _of(folder: SpillFolder, path: Path) -> Finding:
    try:
        with folder.taken(path):
            pass
    except (OSError, SpillUnreadable) as error:
        remedy = (
            "keep the file; run `agent-workers worker` on this host with the AGENT_SPILL_DIR and the pepper "
            "that it was written with, and look for `spilled_evidence_refused` in its log"
        )
        return fail(f"evidence of an effect on disk cannot be used: {path}: {error}", remedy)
    remedy = "start a worker on this host with the same AGENT_SPILL_DIR and pepper"
    return warn(f"evidence of an effect on disk is not in the database: {path}", remedy)


def _is_writable(place: Path) -> bool:
    """Judge the folder, or the nearest one above it that there is."""
    there = next((one for one in (place, *place.absolute().parents) if one.exists()), place)
    return there.is_dir() and os.access(there, os.W_OK)
