"""Tests of the words of MCP: names, definitions, and secrets that are references."""

import re

import pytest

from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.secrets import filled, hidden, mistakes_in
from agent_workers.domain.mcp.servers import (
    Definition,
    McpServer,
    definition_of,
    mistakes_of_server,
    tool_name,
)


@pytest.mark.parametrize("name", ["echo", "get/sum", "a" * 128, "émail", "a b", "a_b"])
def test_a_tools_name_is_one_that_agents_and_models_take(name: str) -> None:
    found = tool_name("a" * 24, name)
    assert re.fullmatch(r"[a-z]{24}\.[A-Za-z0-9_-]+", found)
    assert len(found) <= 64


def test_two_tools_of_a_server_never_share_a_name() -> None:
    names = ["a b", "a_b", "a/b", "x" * 60 + "1", "x" * 60 + "2"]
    assert len({tool_name("s", name) for name in names}) == len(names)


def test_any_word_of_a_definition_is_in_its_hash() -> None:
    told = Definition(name="read", description="Reads.", input_schema={"type": "object"})
    others = [
        Definition(name="reads", description="Reads.", input_schema={"type": "object"}),
        Definition(name="read", description="Reads.\u200b", input_schema={"type": "object"}),
        Definition(name="read", description="Reads."),
        Definition(
            name="read", description="Reads.", input_schema={"type": "object"}, output_schema={}
        ),
    ]
    assert len({told.hash, *(one.hash for one in others)}) == 5
    assert definition_of(told.text) == told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"API_TOKEN": "abc"}, "sounds like a secret"),
        ({"authorization": "Bearer abc"}, "sounds like a secret"),
        ({"X": "${AGENT_DATABASE_URL}"}, "only variables named MCP_"),
        ({"X": "${MCP_A} ${PATH}"}, "only variables named MCP_"),
        ({"X": "a\r\nY: b"}, "one line"),
    ],
)
def test_what_is_no_reference_or_refers_elsewhere_is_refused(
    given: dict[str, str], words: str
) -> None:
    assert any(words in mistake for mistake in mistakes_in(given))


def test_secrets_are_filled_in_where_they_are_and_taken_out_of_words() -> None:
    secrets = {"MCP_KEY": "k3y-of-ours"}
    given = {"authorization": "Bearer ${MCP_KEY}"}
    assert list(mistakes_in(given)) == []
    assert filled(given, secrets) == {"authorization": "Bearer k3y-of-ours"}
    assert hidden("it said: k3y-of-ours", secrets) == "it said: ***"
    with pytest.raises(Misdeclared, match="MCP_KEY is not set"):
        filled(given, {})


def test_a_server_is_either_a_program_or_a_url() -> None:
    def wrong(**given: object) -> list[str]:
        members = {"tenant_id": TenantId("acme"), "name": "files", **given}
        return list(mistakes_of_server(McpServer(**members)))  # type: ignore[arg-type]

    assert wrong(command=("serve",)) == []
    assert wrong(url="https://example.com") == []
    assert wrong() == wrong(command=("serve",), url="https://example.com") != []
    assert wrong(url="https://example.com", network=True) != []
    assert wrong(command=("serve",), headers={"a": "b"}) != []
    assert wrong(name="Files", command=("serve",)) != []
