"""The protocol's own test server, fetched by npm: everything that a server may do, by others."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.mcp.call import McpSaid
from agent_workers.domain.mcp.servers import McpServer
from agent_workers.execution.mcp.tools import declared
from agent_workers.execution.values.signature import signature_of
from tests.integration.mcp.world import CALL, World
from tests.support.boundaries import needs_a_boundary

# The first run has to fetch it; later ones find it in pytest's cache.
pytestmark = [pytest.mark.slow, needs_a_boundary]
PACKAGE, VERSION = "@modelcontextprotocol/server-everything", "2026.8.31"


@pytest.fixture(scope="module")
def server(pytestconfig: pytest.Config) -> McpServer:
    place = pytestconfig.cache.mkdir("mcp-server-everything") / VERSION
    if not place.exists():
        fetch(place)
    program = place / "node_modules" / PACKAGE / "dist" / "index.js"
    command = ("node", str(program), "stdio")
    return McpServer(tenant_id=EVERYBODY, name="every", command=command, reads=(str(place),))


def fetch(place: Path) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("there is no npm on this machine")
    # Whole or not at all; the sandbox is another user than root, and has to read it.
    folder = place.with_name(f"{VERSION}.{os.getpid()}")
    folder.mkdir(mode=0o755)
    words = "install --no-audit --no-fund --ignore-scripts --prefer-offline --prefix".split()
    try:
        subprocess.run(
            [npm, *words, str(folder), f"{PACKAGE}@{VERSION}"],
            check=True,
            capture_output=True,
            timeout=120,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        shutil.rmtree(folder)
        pytest.skip(f"npm cannot fetch {PACKAGE}: {error}")
    try:
        folder.rename(place)
    except OSError:
        shutil.rmtree(folder)  # another run was faster


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.servers.close()


def test_its_tools_are_called_as_our_own_are(world: World, server: McpServer) -> None:
    said = world.servers.call(world.tool(server, "get-sum"), {"a": 1, "b": 2}, CALL)
    assert said == McpSaid(value="The sum of 1 and 2 is 3.")
    wrong = world.servers.call(world.tool(server, "get-sum"), {"a": "one"}, CALL)
    assert isinstance(wrong, McpSaid)
    assert wrong.is_error


def test_its_structured_results_are_what_its_schema_promises(
    world: World, server: McpServer
) -> None:
    made = declared(world.tool(server, "get-structured-content"))
    result = made.function({"location": "Chicago"}, call=CALL, servers=world.servers)
    shape = signature_of(made).result
    assert shape.objection(shape.promised(result)) == ""


def test_pictures_are_named_and_not_carried(world: World, server: McpServer) -> None:
    said = world.servers.call(world.tool(server, "get-tiny-image"), {}, CALL)
    assert isinstance(said, McpSaid)
    assert isinstance(said.value, dict)
    assert {"type": "image", "mimeType": "image/png"} in said.value["content"]


def test_it_sees_an_environment_without_anything_of_ours(world: World, server: McpServer) -> None:
    given = replace(server, env={"GREETING": "hello"})
    said = world.servers.call(world.tool(given, "get-env"), {}, CALL)
    assert isinstance(said, McpSaid)
    assert '"GREETING": "hello"' in str(said.value)
    assert "AGENT_" not in str(said.value)
