"""What is said before the first call: no price, no key, and nothing where all is well."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent_workers.execution.models.named.catalog import catalog_of
from agent_workers.execution.models.named.configured import problems_of_models, states_of_models
from agent_workers.execution.models.named.keys import KEYS
from agent_workers.execution.models.named.prices import default_prices

NAMED = """\
models:
  local: {model: hosted_vllm/qwen3, address: "http://127.0.0.1:8000/v1", prices: {input: 0, output: 0}}
  fast:
    model: openai/gpt-5-mini
    tenants:
      acme: {key: {env: ACME_KEY}}
  bare: {model: hosted_vllm/qwen3, address: "http://127.0.0.1:8000/v1"}
  filed: {model: openai/gpt-5, key: {file: ./there.key}}
"""


def problems(*names: str, file: Path | None = None, **environment: str) -> list[str]:
    return list(problems_of_models(names, catalog_of(file, environment)))


@pytest.fixture
def named(tmp_path: Path) -> Path:
    (tmp_path / "models.yaml").write_text(NAMED)
    return tmp_path / "models.yaml"


def test_the_scripted_model_needs_nothing() -> None:
    assert problems("scripted/small") == []


def test_a_model_without_a_price_is_named_with_the_one_that_was_meant() -> None:
    assert problems("openai/gpt5-mini", OPENAI_API_KEY="k") == [
        "model 'openai/gpt5-mini' is not in the price table; did you mean 'openai/gpt-5-mini'?"
    ]


def test_a_model_that_nobody_knows_can_be_named_and_priced() -> None:
    assert problems("hosted_vllm/x9") == [
        "model 'hosted_vllm/x9' is not in the price table; add it to models.yaml, with its prices"
    ]


def test_a_model_without_a_key_is_named_once_with_its_variable() -> None:
    assert problems("openai/gpt-5", "openai/gpt-5") == [
        "model 'openai/gpt-5' has no key: set OPENAI_API_KEY"
    ]


def test_a_provider_without_a_key_is_never_asked(named: Path) -> None:
    access = catalog_of(named, {"GEMINI_API_KEY": "k"}).access
    assert access["openai"].problem == "set OPENAI_API_KEY"
    assert {"gemini", "scripted", "azure"}.isdisjoint(access)


@pytest.mark.parametrize("name", ["gemini/gemini-2.5-flash"])
@pytest.mark.parametrize("variable", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_one_of_several_variables_is_enough(name: str, variable: str) -> None:
    assert problems_of_models([name], catalog_of(None, {variable: "k"})) == []
    assert problems_of_models([name], catalog_of(None, {variable: ""})) != []


def test_a_named_model_needs_its_price_and_its_key(named: Path) -> None:
    assert problems("local", file=named) == []
    assert problems("fast", file=named) == ["model 'fast' has no key: set OPENAI_API_KEY"]
    assert problems("fast@acme", file=named) == [
        f"model 'fast@acme' has no key: set ACME_KEY ({named}:6)"
    ]
    assert problems("bare", file=named) == [
        f"model 'bare' has no price: add `prices` at {named}:7 (0 if it costs nothing)"
    ]


def test_a_key_in_a_file_is_looked_for_beside_the_file_of_models(named: Path) -> None:
    key = named.parent / "there.key"
    [problem] = problems("filed", file=named)
    assert problem == (
        f"model 'filed' has no key: cannot read {str(key)!r}: No such file or directory ({named}:8)"
    )
    key.write_text(" \n")
    [problem] = problems("filed", file=named)
    assert "is empty" in problem
    key.write_text("sk-1\n")
    assert problems("filed", file=named) == []


def test_every_name_of_the_file_is_told_with_where_its_key_is(named: Path) -> None:
    found = states_of_models(catalog_of(named, {"ACME_KEY": "k"}))
    assert [(one.name, one.model, one.key.source, one.has_key) for one in found] == [
        ("local", "hosted_vllm/qwen3", "none needed", True),
        ("fast", "openai/gpt-5-mini", "env OPENAI_API_KEY", False),
        ("fast@acme", "openai/gpt-5-mini", "env ACME_KEY", True),
        ("bare", "hosted_vllm/qwen3", "none needed", True),
        ("filed", "openai/gpt-5", f"file {named.parent}/there.key", False),
    ]


def test_every_provider_of_the_price_table_has_its_variables_named() -> None:
    assert {name.partition("/")[0] for name in default_prices().prices} <= KEYS.keys()


def test_it_loads_no_litellm() -> None:
    code = (
        "import sys; from agent_workers.execution.models.named import configured;"
        " sys.exit('litellm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
