"""The help of a program names the command that people type, not the module that it is."""

from collections.abc import Callable

import pytest

from agent_workers.worker.programs import ingest_main, main, relay_main, webhooks


@pytest.mark.parametrize(
    ("program", "command"),
    [
        (main.main, "agent-workers worker --lanes plan,tool"),
        (relay_main.main, "agent-workers relay --exchange"),
        (ingest_main.main, "agent-workers ingest --queue"),
        (webhooks.main, "agent-workers webhooks deliver"),
    ],
)
def test_the_help_names_the_command(
    program: Callable[[list[str]], int], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        program(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert command in said
    assert "python -m" not in said
