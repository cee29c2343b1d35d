"""A process that is killed while it turns into another program shows no mark, and dies all the same."""

import subprocess
from pathlib import Path

import pytest

from agent_workers.local.marked import MARK, kill_group
from tests.acceptance.systems import environment, processes_of

# It is between two programs for a good part of its life.
_ALWAYS_CHANGING = 'exec /bin/sh "$0"'


@pytest.mark.parametrize("_", range(30))
def test_a_group_that_is_killed_is_gone_whatever_it_was_doing(tmp_path: Path, _: int):
    script = tmp_path / "changing.sh"
    script.write_text(_ALWAYS_CHANGING)
    with subprocess.Popen(
        ["/bin/sh", script],
        env={**environment(), MARK: str(tmp_path)},
        start_new_session=True,
    ) as leader:
        kill_group(tmp_path, leader.pid)
        left = processes_of(tmp_path)
        leader.kill()
    assert left == []
