"""One running system for the tests of all examples."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.systems import wait_until
from tests.examples.running import Running, all_examples
from tests.support.soundness import Soundness, check, soundness_of

AGENTS = {"help_desk", "report_writer", "log_monitor", "article"}


@pytest.fixture(scope="session")
def examples() -> Iterator[Running]:
    folder = Path(tempfile.mkdtemp(prefix="agent workers "))
    # pytest's own folders are closed to the account that root's Postgres runs as.
    folder.chmod(0o711)
    try:
        with all_examples(folder) as running:
            served = running.client.agents
            wait_until(lambda: {agent["name"] for agent in served()} >= AGENTS, "the agents")
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def soundness_of_examples(examples: Running) -> Iterator[Soundness]:
    surroundings = json.loads((examples.folder / "running.json").read_text())
    with soundness_of(surroundings["AGENT_DATABASE_URL"]) as asked:
        yield asked


@pytest.fixture(autouse=True)
def sound_rows_of_examples(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ask the running system's database about every invariant when a test ends."""
    if "examples" not in request.fixturenames:
        yield
        return
    asked: Soundness = request.getfixturevalue("soundness_of_examples")
    yield
    check(request, asked)
