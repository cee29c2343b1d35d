"""`models.yaml`: read strictly, with the place of every mistake, and without any key in it."""

from pathlib import Path

import pytest

from agent_workers.domain.models.quota import Quota
from agent_workers.domain.models.settings import ModelSettings
from agent_workers.execution.models.named.catalog import catalog_of
from agent_workers.execution.models.named.file import ModelsMisdeclared, read_models
from agent_workers.execution.models.named.models import KeyReference, NamedModels
from agent_workers.execution.models.named.prices import Price

FULL = """\
models:
  fast:
    model: openai/gpt-5-mini
    address: https://eu.example.com/v1/
    key: {env: EU_KEY}
    prices: {input: 0.25, cached_input: 0.025, output: 2.00}
    limits: {requests_per_minute: 500, tokens_per_minute: 200000, context_tokens: 9000, max_output_tokens: 8000}
    defaults: {temperature: 0.2, max_output_tokens: 4096, timeout_s: 30, extra: {service_tier: flex, api_version: 2024-10-21}}
    tenants:
      acme: {key: {file: /run/secrets/acme}, limits: {requests_per_minute: 5}}
      beta: {address: http://10.0.0.1:8000/v1}
"""


def read(text: str) -> NamedModels:
    return read_models(text, file="models.yaml")


def wrong(text: str) -> list[str]:
    with pytest.raises(ModelsMisdeclared) as caught:
        read(text)
    return caught.value.lines


def of(member: str) -> str:
    return f"models:\n  fast:\n    model: openai/gpt-5-mini\n    {member}\n"


def test_all_of_it_is_read() -> None:
    fast = read(FULL).models["fast"]
    assert fast.model == "openai/gpt-5-mini"
    assert (fast.address, fast.key) == ("https://eu.example.com/v1", KeyReference(env="EU_KEY"))
    assert fast.price == Price(input=250_000, cached=25_000, cache_write=250_000, output=2_000_000)
    assert fast.quota == Quota(requests_per_minute=500, tokens_per_minute=200_000)
    assert (fast.context_tokens, fast.most_output_tokens) == (9_000, 8_000)
    assert fast.settings == ModelSettings(temperature=0.2, max_output_tokens=4_096)
    assert (fast.timeout_s, fast.place) == (30, "models.yaml:2")
    assert fast.extra == {"service_tier": "flex", "api_version": "2024-10-21"}


def test_a_tenant_has_a_key_of_its_own_and_what_else_is_said() -> None:
    acme = read(FULL).models["fast@acme"]
    assert (acme.key, acme.address) == (
        KeyReference(file="/run/secrets/acme"),
        "https://eu.example.com/v1",
    )
    assert (acme.quota, acme.place) == (Quota(requests_per_minute=5), "models.yaml:10")


def test_the_key_for_one_address_is_not_told_to_another() -> None:
    beta = read(FULL).models["fast@beta"]
    assert (beta.key, beta.address) == (None, "http://10.0.0.1:8000/v1")


def test_a_name_may_be_that_of_the_model_itself() -> None:
    named = read("models:\n  openai/gpt-5: {key: {env: MINE}}\n")
    assert named.models["openai/gpt-5"].model == "openai/gpt-5"


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("key: sk-secret-123", "a key is never written here: say where it is"),
        ("key: {env: sk-secret-123}", "it must be the name of a variable, not the key itself"),
        ("key: {file: sk-secret-123}", "it must be a path with a slash, such as"),
        ("api_key: sk-secret-123", "there is no such member; did you mean 'key'?"),
        ("api_base: http://x", "there is no such member; did you mean 'address'?"),
        ("price: {input: 1, output: 1}", "there is no such member; did you mean 'prices'?"),
        ("prices: {input: 1, outptu: 1}", "did you mean 'output'?"),
        ("defaults: {max_tokens: 5}", "did you mean 'max_output_tokens'?"),
        ("tenants: {acme: {kye: {env: A}}}", "did you mean 'key'?"),
        ("tenants: {acme: {limits: {}}}", "it needs a key or an address of its own"),
        ("address: ftp://x", "it must be a URL that begins with http:// or https://"),
        ("address: http://u:secret-123@x", "it must not hold a user name or a password"),
        ("prices: {input: -1, output: 1}", "greater than or equal to 0"),
        ("prices: {input: 0.00000025, output: 1}", "is not in whole micro-USD"),
        ("defaults: {temperature: 3}", "temperature: 3.0 is not between 0 and 2"),
        ("defaults: {reasoning_effort: much}", "'much' is not one of none, minimal"),
        ("defaults: {extra: {aws_secret_access_key: secret-123}}", "sounds like a secret"),
        ("defaults: {extra: {extra_headers: {Authorization: secret-123}}}", "sounds like a secret"),
        ("defaults: {extra: {api_base: http://y}}", "has a member of its own"),
        (
            "limits: {max_output_tokens: 5}\n    defaults: {max_output_tokens: 6}",
            "defaults.max_output_tokens is 6, and limits.max_output_tokens 5",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_never_with_a_secret(member: str, said: str) -> None:
    lines = wrong(of(member))
    assert any(said in line for line in lines), lines
    assert all(line.startswith(("models.yaml:4: models.fast", "models.yaml:2: ")) for line in lines)
    assert "secret-123" not in str(lines)


def test_all_mistakes_are_told_in_their_order() -> None:
    text = of("adress: http://x") + "  slow: {prices: {input: 1, output: 1}}\n  fast: {}\n"
    assert wrong(text) == ["models.yaml:6: models.fast: it is there twice"]
    assert wrong(text.replace("  fast: {}\n", "  odd: 5\n")) == [
        "models.yaml:4: models.fast.adress: there is no such member; did you mean 'address'?",
        "models.yaml:6: models.odd: input should be an object",
    ]


def test_a_name_of_our_own_says_which_model_it_is() -> None:
    assert wrong("models:\n  fast: {}\n") == [
        "models.yaml:2: models.fast.model: it is missing: say which model it is, such as openai/gpt-5-mini"
    ]


@pytest.mark.parametrize("text", ["", "- 1\n", "models: [1\n", "a: 1\n---\nb: 1\n"])
def test_what_is_no_such_file_is_told(text: str) -> None:
    [line] = wrong(text)[:1]
    assert line.startswith("models.yaml:")


def test_prices_of_the_file_win_and_others_cost_as_in_the_table(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(
        "models:\n"
        "  openai/gpt-5: {prices: {input: 0.01, output: 0.01}}\n"
        "  fast: {model: openai/gpt-5-mini}\n"
    )
    shipped, prices = catalog_of(None, {}).prices, catalog_of(file, {}).prices
    assert prices.of("openai/gpt-5").input == 10_000
    assert prices.of("fast") == shipped.of("openai/gpt-5-mini")
    assert prices.version.startswith(f"{shipped.version}+")
