"""A worker that is root: tools would be root, too."""

from structlog.testing import capture_logs

from agent_workers.worker.programs.main import warn_of_root


def test_a_worker_of_root_says_so_and_any_other_says_nothing() -> None:
    with capture_logs() as logs:
        warn_of_root(1_000)
        assert logs == []
        warn_of_root(0)
    assert [entry["event"] for entry in logs] == ["worker_runs_as_root"]
