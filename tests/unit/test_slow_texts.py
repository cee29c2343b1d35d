"""Texts that others choose, of sizes that take hours where each place is tried up to the end."""

import pytest

from agent_workers.domain.agents.prompt import variables_of
from agent_workers.domain.mcp.secrets import mistakes_in
from agent_workers.observability.logs import scrubbed

TIMES = 200_000
PIECES = ["a.", "a-", "eyJ", "a@b.", "a:", "1 ", "bearer ", "-----BEGIN ", "x://b:", "sk-"]


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_text_is_scrubbed_soon(piece: str) -> None:
    assert len(str(scrubbed(piece * TIMES))) < 3_000


def test_a_long_prompt_is_read_soon() -> None:
    assert variables_of("{{a}}" * TIMES) == {"a"}


def test_a_long_header_of_an_mcp_server_is_read_soon() -> None:
    assert list(mistakes_in({"token": "${" * TIMES}))
