"""openapi-python-client makes a client from our document without a complaint, and the client works."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_workers.domain.ids import TenantId
from api.routes import described
from tests.integration.api.live import AGENT, Live

GENERATOR = Path(sys.executable).with_name("openapi-python-client")
CONFIG = Path(__file__).with_name("openapi-python-client.yml")
NAME = "generated_client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(described().decode())
    words = f"generate --path openapi.json --meta none --output-path {NAME} --fail-on-warning"
    ran = subprocess.run(
        [GENERATOR, *words.split(), "--config", CONFIG],
        cwd=folder,
        # It formats what it made with the ruff that is on its path.
        env={"PATH": f"{GENERATOR.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    assert "arning" not in said, said
    sys.path.insert(0, str(folder))
    yield folder / NAME
    sys.path.remove(str(folder))


def test_it_submits_a_job_and_reads_it(generated: Path, live: Live, tenant: TenantId):
    def part(path: str) -> Any:
        return importlib.import_module(f"{NAME}.{path}")

    client = importlib.import_module(NAME).AuthenticatedClient(
        base_url=live.url, token=live.token(tenant), raise_on_unexpected_status=True
    )
    folder = next(path.parent.name for path in generated.glob("api/*/submit_job.py"))
    asked = part("models").JobRequest(agent=AGENT, input_="hello")
    with client:
        stored = part(f"api.{folder}.submit_job").sync(client=client, body=asked)
        read = part(f"api.{folder}.get_job").sync(stored.id, client=client)
    assert (read.id, read.agent) == (stored.id, AGENT)
    assert str(read.status) == "queued"
