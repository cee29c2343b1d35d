"""`agent-workers webhooks` on a live API."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import standardwebhooks

from agent_workers.cli.main import main
from agent_workers.cli.webhooks.listening import Listening, forward_to
from agent_workers.client.client import Client
from agent_workers.domain.ids import TenantId
from tests.integration.api.live import PEPPER, Live
from tests.integration.webhooks.receiver import receiving
from tests.support.repository import ROOT

URL = "https://hooks.example.com/here"


@pytest.fixture(autouse=True)
def _at_the_api(live: Live, tenant: TenantId, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AGENT_API_URL", live.url)
    monkeypatch.setenv("AGENT_API_KEY", live.token(tenant))
    monkeypatch.chdir(tmp_path)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["webhooks", *words]) == 0
    return capsys.readouterr().out.strip()


def test_an_endpoint_from_its_making_to_its_end(capsys: pytest.CaptureFixture[str]):
    made, secret = told(capsys, "create", URL, "--events", "job.*", "--name", "crm").split()
    assert secret.startswith("whsec_")
    assert "job.*" in told(capsys, "endpoints")
    assert told(capsys, "rotate", made) not in {secret, ""}
    delivery = told(capsys, "test", made).split()[0]
    assert delivery in told(capsys, "deliveries", made, "--status", "pending")
    assert json.loads(told(capsys, "show", delivery, "--json"))["attempts"] == []
    assert told(capsys, "replay", delivery) == f"{delivery} is pending"
    assert told(capsys, "disable", made, "--reason", "moving") == f"{made} is disabled"
    assert told(capsys, "enable", made) == f"{made} is enabled"
    words = ("recover", made, "--since", "2026-01-01", "--missing")
    assert told(capsys, *words) == "1 delivery queued"
    assert told(capsys, "deliveries") == ""
    assert told(capsys, "delete", made) == ""
    assert told(capsys, "endpoints") == ""


def test_listening_forwards_each_event_once_and_signed(
    live: Live, tenant: TenantId, capsys: pytest.CaptureFixture[str]
):
    with receiving() as receiver, Client(live.url, live.token(tenant)) as client:
        receiver.script["hooks"] = ["reset", "ok"]
        endpoint = client.webhooks.create(URL, enabled=False, event_types=["job.canceled"])
        listening = Listening(
            client, endpoint, ["job.canceled"], forward_to(urlsplit(receiver.url("hooks")))
        )
        for _ in range(2):
            client.cancel(client.submit("demo", "x").id)
        for _ in range(3):
            listening.look()
        received = receiver.at("hooks")
        assert len({one.message_id for one in received}) == 2
        assert len(received) == 3  # the one that was reset came again
        verifier = standardwebhooks.Webhook(endpoint["signing_secret"])
        for one in received:
            assert verifier.verify(one.body, one.headers)["type"] == "job.canceled"
        assert list(client.webhooks.deliveries(endpoint["id"])) == []
    assert capsys.readouterr().out.count("200 OK") == 2


@pytest.mark.parametrize("place", ["ftp://x", "nowhere", "http://"])
def test_listening_needs_a_place_to_forward_to(capsys: pytest.CaptureFixture[str], place: str):
    assert main(["webhooks", "listen", "--forward-to", place]) == 2
    assert "is not an http or https URL" in capsys.readouterr().err


def test_a_deliverer_without_its_settings_says_so(tmp_path: Path):
    ran = subprocess.run(
        [sys.executable, "-m", "agent_workers.cli.main", "webhooks", "deliver"],
        cwd=tmp_path,
        env={"AGENT_SECRET_PEPPER": PEPPER, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 2
    assert "AGENT_DATABASE_URL is not set" in ran.stderr
