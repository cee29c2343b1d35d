"""Named models: who decides how a model is asked, and whose room, key and price a call takes."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent_workers.domain.agents.agent import Agent, Purpose
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.models.quota import Quota
from agent_workers.domain.models.settings import NOTHING_SAID, ModelSettings
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.named.catalog import ModelCatalog, catalog_of
from agent_workers.execution.models.named.file import read_models
from agent_workers.execution.models.named.models import NO_NAMES, NamedModels
from agent_workers.execution.models.values import Message, ModelRequest
from agent_workers.execution.models.wrappers.attempts import prepared_for
from agent_workers.execution.models.wrappers.cached import Scope
from agent_workers.execution.models.wrappers.ladder import Ladder
from tests.unit.execution.models.fakes import SaidModel, said

ASKED = ModelRequest(
    model="fast",
    messages=(Message(role="user", content="hi"),),
    max_output_tokens=2_048,
    purpose="plan",
)
FILE = """\
models:
  fast:
    model: openai/gpt-5-mini
    limits: {requests_per_minute: 9, context_tokens: 1200, max_output_tokens: 900}
    defaults: {temperature: 0.2, max_output_tokens: 700}
    tenants: {acme: {key: {env: ACME}}}
  plain: {model: openai/gpt-5}
  own: {model: openai/gpt-5, key: {env: OTHERS}}
  same: {model: openai/gpt-5, key: {env: OPENAI_API_KEY}}
  far: {model: openai/gpt-5, address: "http://far/v1"}
"""


def named() -> NamedModels:
    return read_models(FILE, file="models.yaml")


@pytest.fixture
def catalog(tmp_path: Path) -> ModelCatalog:
    (tmp_path / "models.yaml").write_text(FILE)
    return catalog_of(tmp_path / "models.yaml", {"ACME": "acme-key", "OPENAI_API_KEY": "sk-openai"})


def test_the_agent_wins_over_the_file_and_the_file_over_what_we_would_ask() -> None:
    asked = named().prepared(ASKED, NOTHING_SAID)
    assert (asked.max_output_tokens, asked.settings) == (700, ModelSettings(temperature=0.2))
    own = ModelSettings(temperature=0.0, max_output_tokens=800, seed=1)
    asked = named().prepared(ASKED, own)
    assert asked.max_output_tokens == 800
    assert asked.settings == ModelSettings(temperature=0.0, seed=1)
    asked = named().prepared(replace(ASKED, model="plain"), NOTHING_SAID)
    assert (asked.max_output_tokens, asked.settings) == (2_048, NOTHING_SAID)


def test_no_answer_may_be_longer_than_the_limit_of_the_model() -> None:
    asked = named().prepared(ASKED, ModelSettings(max_output_tokens=5_000))
    assert asked.max_output_tokens == 900


def test_a_model_without_a_name_of_ours_is_asked_as_the_agent_says() -> None:
    asked = NO_NAMES.prepared(ASKED, ModelSettings(max_output_tokens=5, temperature=1.0))
    assert (asked.max_output_tokens, asked.settings) == (5, ModelSettings(temperature=1.0))
    assert (asked.model, asked.stands_for) == ("fast", "")


def test_settings_by_purpose_win_and_the_rest_is_that_of_the_agent() -> None:
    agent = Agent(
        name="a",
        model="m",
        model_settings=ModelSettings(temperature=0.7, seed=3),
        settings_by_purpose={"evaluate": ModelSettings(temperature=0.0)},
    )
    assert agent.settings_for(Purpose.PLAN) == ModelSettings(temperature=0.7, seed=3)
    assert agent.settings_for(Purpose.EVALUATE) == ModelSettings(temperature=0.0, seed=3)
    prepare = prepared_for(agent, NO_NAMES, tenant="acme")
    assert prepare(replace(ASKED, purpose="evaluate")).settings.temperature == 0.0


def test_what_does_not_fit_a_model_is_asked_of_the_next_one() -> None:
    provider = SaidModel(said("hello"))
    long = replace(ASKED, messages=(Message(role="user", content="x" * 4_000),))
    prepare = prepared_for(Agent(name="a"), named(), tenant="beta")
    ladder = Ladder(provider, choose=lambda _: ("fast", "plain"), prepare=prepare)
    reply = ladder.complete(long, deadline_s=5)
    assert reply.degraded == "model plain instead of fast (context_window)"
    with pytest.raises(ModelFailed, match=r"context_tokens at models\.yaml:2") as failed:
        prepare(long)
    assert failed.value.error_class is ErrorClass.CONTEXT_WINDOW


def test_a_tenant_with_a_key_of_its_own_is_asked_under_a_name_of_its_own() -> None:
    assert named().prepared(ASKED, NOTHING_SAID, tenant="acme").model == "fast@acme"
    assert named().prepared(ASKED, NOTHING_SAID, tenant="beta").model == "fast"


def test_another_model_or_another_temperature_is_another_answer() -> None:
    scope = Scope(tenant="t", agent="a", version="1")
    moved = FILE.replace("gpt-5-mini", "gpt-5-nano")
    warmer = ModelSettings(temperature=0.3)
    requests = [
        named().prepared(ASKED, NOTHING_SAID),
        named().prepared(ASKED, warmer),
        read_models(moved, file="m").prepared(ASKED, NOTHING_SAID),
    ]
    assert len({scope.key_of(request) for request in requests}) == len(requests)


def test_whose_key_it_is_says_whose_room_a_call_takes(catalog: ModelCatalog) -> None:
    assert catalog.shares == {
        "fast": ("openai/gpt-5-mini", "openai"),
        "fast@acme": (),
        "plain": ("openai/gpt-5", "openai"),
        "own": (),
        "same": ("openai/gpt-5", "openai"),
        "far": (),
    }


def test_a_quota_stands_in_one_place(catalog: ModelCatalog) -> None:
    elsewhere = {"openai": Quota(requests_per_minute=5)}
    nine = Quota(requests_per_minute=9)
    assert catalog.quotas(elsewhere) == {**elsewhere, "fast": nine, "fast@acme": nine}
    with pytest.raises(Misdeclared, match=r"'fast' is both in AGENT_MODEL_QUOTAS and at .*:2"):
        catalog.quotas({"fast": nine})


def test_a_tenants_calls_cost_what_the_model_costs(catalog: ModelCatalog) -> None:
    assert catalog.prices.of("fast@acme") == catalog.prices.of("openai/gpt-5-mini")


def test_keys_are_shown_nowhere_and_known_to_who_takes_them_out(catalog: ModelCatalog) -> None:
    assert set(catalog.secrets) == {"acme-key", "sk-openai"}
    shown = f"{catalog!r} {catalog.access!r} {catalog.keys!r}"
    assert "acme-key" not in shown
    assert "sk-openai" not in shown
