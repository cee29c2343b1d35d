"""The API starts fast: it loads neither Celery's worker, nor models, nor tools."""

import subprocess
import sys

FOREIGN = ("agent_workers.execution", "celery", "litellm", "openai", "alembic", "sqlalchemy.orm")


def test_the_api_loads_nothing_of_the_workers():
    script = f"import api.process.server, api.app, sys; print([m for m in {FOREIGN!r} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_the_client_loads_nothing_but_the_standard_library():
    script = (
        "import agent_workers.client.client, sys;"
        "print([m for m in ('pydantic', 'httpx', 'sqlalchemy', 'redis') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.strip() == "[]"
