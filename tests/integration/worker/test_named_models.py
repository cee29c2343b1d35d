"""Jobs whose models `models.yaml` names: what is recorded of them, and what a missing key ends."""

from pathlib import Path

import pytest

from tests.integration.worker.conftest import Bench

MODULE = "tests.integration.worker.named_agents"
FILE = """\
models:
  fast: {model: scripted/small, prices: {input: 1000, output: 1000}, limits: {max_output_tokens: 500}}
  locked: {model: scripted/small, key: {env: NOBODY_SETS_THIS}}
"""


@pytest.fixture
def named(bench: Bench, tmp_path: Path) -> Bench:
    (tmp_path / "models.yaml").write_text(FILE)
    update = {"models": tmp_path / "models.yaml"}
    bench.settings = bench.settings.model_copy(update=update)
    return bench


def test_a_record_says_our_name_and_the_providers_and_costs_our_price(named: Bench) -> None:
    runtime = named.runtime(module=MODULE)
    job = named.submit("hello", agent="named", hold=5_000_000)
    named.until_done(job, runtime)
    told = named.ask(
        "select convert_from(data, 'UTF8')::json->>'model', j.spent_micro,"
        " 1000 * (j.input_tokens + j.output_tokens) from journal join jobs j using (job_id)"
        " where job_id = %s and type = 'step.completed' and data like '%%planner%%'",
        job,
    )
    [(model, spent, priced)] = told
    assert model == "fast (scripted/small)"
    assert spent == priced


def test_a_key_that_is_missing_ends_the_jobs_that_need_it(named: Bench) -> None:
    runtime = named.runtime(module=MODULE)
    job = named.submit("hello", agent="locked", hold=5_000_000, timeout_ms=9_000)
    named.until_done(job, runtime)
    assert named.ask(
        "select convert_from(error, 'UTF8')::json->>'code' from jobs where job_id = %s", job
    ) == [("model_auth",)]


def test_a_key_that_is_missing_leaves_the_other_models_of_its_worker(named: Bench) -> None:
    runtime = named.runtime(module=MODULE)
    job = named.submit("hello", agent="either", hold=5_000_000, timeout_ms=9_000)
    named.until_done(job, runtime)
    assert "hello" in str(named.output(job))
