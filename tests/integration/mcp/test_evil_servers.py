"""What programs that misbehave come to: a clear outcome each, and the next call works."""

import socket
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import BadResult, ToolError, TryLater
from agent_workers.domain.mcp.call import McpRefused, McpReply, McpSaid, McpSilent
from agent_workers.execution.mcp.tools import declared
from agent_workers.execution.mcp.troubles import Trouble
from agent_workers.execution.sandbox.ports import LONG_LIVED, MIB
from agent_workers.execution.values.signature import signature_of
from tests.integration.mcp.world import CALL, PATIENCE, World, approved_otherwise, evil
from tests.support.boundaries import needs_a_boundary

pytestmark = needs_a_boundary

SECRET = "s3cret-value-of-the-token"
# Enough to see that nothing more comes; only calls that never end are given so little.
SHORT = timedelta(seconds=1)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World(secrets={"MCP_TOKEN": SECRET})
    yield made
    made.servers.close()


def call(world: World, name: str, timeout: timedelta = PATIENCE) -> McpReply:
    tool = world.tool(evil(TOKEN="${MCP_TOKEN}"), name, timeout=timeout)
    return world.servers.call(tool, {"n": 1}, CALL)


def assert_works(world: World) -> None:
    assert isinstance(call(world, "echo"), McpSaid)


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("die", "mcp_died", "ended with exit code 3"),
        ("huge", "mcp_too_much", "more than 4 MiB"),
        ("garbage", "mcp_garbled", "JSON"),
        ("deep", "mcp_garbled", "RecursionError"),
        ("flood", "mcp_too_much", "answers no request"),
    ],
)
def test_a_server_that_fails_in_a_call_is_told_of_and_begun_again(
    world: World, name: str, code: str, words: str
) -> None:
    reply = call(world, name)
    assert isinstance(reply, McpSilent)
    assert reply.code == code
    assert words in reply.message
    assert_works(world)


def test_a_server_whose_children_use_its_memory_up_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = replace(LONG_LIVED, memory=96 * MIB)
    monkeypatch.setattr("agent_workers.execution.mcp.opening.LONG_LIVED", small)
    world = World()
    reply = world.servers.call(world.tool(evil(), "swell"), {"n": 1}, CALL)
    world.servers.close()
    assert isinstance(reply, McpSilent)
    assert reply.code == "mcp_died"
    assert "more than 96 MiB of memory" in reply.message


@pytest.mark.parametrize("name", ["hang", "wrong_number"])
def test_a_server_that_does_not_answer_costs_the_tools_own_time_and_no_more(
    world: World, name: str
) -> None:
    assert_works(world)
    reply = call(world, name, SHORT)
    assert isinstance(reply, McpSilent)
    assert reply.code == "mcp_timeout"
    assert_works(world)


def test_a_hundred_megabytes_are_never_held(world: World) -> None:
    assert_works(world)
    tracemalloc.start()
    try:
        call(world, "huge")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 20 << 20


def test_secrets_reach_the_server_that_refers_to_them_and_no_message(world: World) -> None:
    said = call(world, "echo")
    assert isinstance(said, McpSaid)
    assert said.value == f"echo, with {SECRET}"
    died = call(world, "die")
    assert isinstance(died, McpSilent)
    assert "the token was ***" in died.message


def test_a_server_sees_no_environment_of_ours_no_files_and_no_network(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_SECRET_PEPPER", "a pepper that nobody may see")
    with socket.create_server(("127.0.0.1", 0)) as postgres:
        server = evil("obeys", postgres.getsockname()[1])
        reply = world.servers.call(world.tool(server, "surroundings"), {}, CALL)
    assert isinstance(reply, McpSaid)
    found = reply.value
    assert isinstance(found, dict)
    assert "pepper" not in str(found)
    assert set(found["environment"]) <= {"PATH", "HOME", "LANG", "PWD", "LC_CTYPE"}
    assert (found["127.0.0.1"], found["169.254.169.254"]) == (False, False)
    assert found["read"]["/etc/shadow"] == ""


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("exits", "there is no licence"),
        ("old", "'1999-01-01'"),
        ("endless", "more than 20 pages"),
    ],
)
def test_a_server_that_cannot_be_begun_is_refused_with_its_reason(
    world: World, mood: str, words: str
) -> None:
    with pytest.raises(Trouble, match=words):
        world.servers.discover(evil(mood), timedelta(seconds=60))


def test_a_call_does_not_wait_for_a_slow_start_longer_than_the_tool_may_take(world: World) -> None:
    tool = world.tool(evil(TOKEN="${MCP_TOKEN}"), "echo", timeout=SHORT)
    mute = World()
    reply = mute.servers.call(replace(tool, server=evil("mute")), {"n": 1}, CALL)
    mute.servers.close()
    assert isinstance(reply, McpRefused)
    assert reply.retryable
    assert "not started yet" in reply.message


def test_a_tool_that_was_approved_otherwise_is_not_called(world: World) -> None:
    tool = world.tool(evil(TOKEN="${MCP_TOKEN}"), "echo")
    reply = world.servers.call(approved_otherwise(tool), {"n": 1}, CALL)
    assert isinstance(reply, McpRefused)
    assert (reply.code, reply.retryable) == ("mcp_changed", False)
    assert {one.name for one, _ in world.seen[-1]} >= {"echo"}


def test_a_server_that_changes_its_tools_while_it_runs_is_noticed(world: World) -> None:
    server = replace(evil(), name="renames")
    assert isinstance(world.servers.call(world.tool(server, "rename"), {}, CALL), McpSaid)
    # The notice and our next call may cross; after it was noticed the server is begun anew.
    echo = world.tool(server, "echo")
    replies = [world.servers.call(echo, {}, CALL) for _ in range(2)]
    assert [one.code for one in replies if isinstance(one, McpRefused)] == ["mcp_changed"]


def test_what_a_protocol_error_turned_away_was_certainly_not_done(world: World) -> None:
    reply = call(world, "refuse")
    assert isinstance(reply, McpRefused)
    assert "bad n" in reply.message


def test_an_error_of_a_tool_is_final_only_where_nothing_can_have_been_done(world: World) -> None:
    server = evil(TOKEN="${MCP_TOKEN}")
    for effect, kind in ((EffectClass.PURE, ToolError), (EffectClass.UNSAFE, TryLater)):
        made = declared(world.tool(server, "error", effect))
        with pytest.raises(kind, match="the card was declined") as raised:
            made.function({"n": 1}, call=CALL, servers=world.servers)
        assert isinstance(raised.value, TryLater) is (kind is TryLater)


@pytest.mark.parametrize("name", ["lie", "text"])
def test_a_result_that_is_not_what_was_promised_is_objected_to(world: World, name: str) -> None:
    made = declared(world.tool(evil(TOKEN="${MCP_TOKEN}"), name))
    result = made.function({"n": 1}, call=CALL, servers=world.servers)
    shape = signature_of(made).result
    with pytest.raises(BadResult, match="something other than it declares"):
        shape.promised(result)
