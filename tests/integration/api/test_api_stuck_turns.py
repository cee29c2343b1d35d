"""A job behind a stuck one says what is in its way: over HTTP, by the client, in the terminal."""

import json

import httpx
import pytest

from agent_workers.cli.main import main
from agent_workers.client.client import Client
from agent_workers.domain.ids import TenantId, to_wire
from tests.integration.api.live import Live
from tests.integration.state.sticking import SKIP, agent, in_doubt, look, submit
from tests.integration.state.world import World


def test_a_job_behind_a_stuck_one_says_which_and_until_when(
    client: httpx.Client, world: World
) -> None:
    first, second = submit(world, agent(world, SKIP)), submit(world)
    in_doubt(world, first)
    look(world)
    (wait,) = client.get(f"/v1/jobs/{to_wire(second)}").json()["waiting_for"]
    behind = wait["behind"]
    assert behind["since"] < behind["until"]
    told = (behind["job_id"], behind["status"], behind["policy"])
    assert told == (to_wire(first), "in_doubt", "skip")
    (own,) = client.get(f"/v1/jobs/{to_wire(first)}").json()["waiting_for"]
    assert (own["kind"], own["behind"]) == ("in_doubt", None)


def test_the_client_and_the_command_line_tell_the_same(
    live: Live, world: World, tenant: TenantId, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = submit(world), submit(world)
    in_doubt(world, first)
    look(world)
    token = live.token(tenant)
    with Client(live.url, token) as client:
        (wait,) = client.get(to_wire(second)).raw["waiting_for"]
    assert wait["behind"]["policy"] == "wait"
    shown = ["jobs", "show", to_wire(second), "--json", "--api-url", live.url, "--api-key", token]
    assert main(shown) == 0
    assert json.loads(capsys.readouterr().out)["waiting_for"] == [wait]
