"""The real servers that tests run on: one Postgres and one Redis in a temp folder per session."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_workers.embedded.errors import EmbeddedServerError
from agent_workers.embedded.leftovers import FolderLock
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis

# Root's Postgres runs as somebody else, who must get through to its data.
PASSAGE = 0o711
PREFIX = "agent-workers-test-"
# Younger folders may belong to a session that has not locked its own yet.
ABANDONED_AFTER_S = 60.0


@contextmanager
def temp_folder() -> Iterator[Path]:
    """A folder that an unprivileged account can pass through; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(PASSAGE)
    lock = FolderLock(folder)
    lock.take()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.let_go()


@contextmanager
def running_postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(folder / "postgres", shelter=folder / "shelter") as server:
        yield server
        # Its data is deleted: the checkpoint of a stop in order would be for nobody.
        server.kill_immediate()


@contextmanager
def running_redis(folder: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(folder / "redis") as server:
        yield server


def end_abandoned_servers(among: Path) -> None:
    """End and delete what earlier test sessions left behind when they were killed."""
    for folder in among.glob(f"{PREFIX}*"):
        lock = FolderLock(folder)
        try:
            if time.time() - folder.stat().st_mtime < ABANDONED_AFTER_S:
                continue
            lock.take()
            EmbeddedPostgres(folder / "postgres").end_leftover()
            EmbeddedRedis(folder / "redis").end_leftover()
            shutil.rmtree(folder, ignore_errors=True)
        except (OSError, EmbeddedServerError):
            continue  # somebody else's, or in use
        finally:
            lock.let_go()
