"""Whose key a model of `models.yaml` is asked with, and how one is tried from the command line."""

import json
from pathlib import Path

import pytest

from agent_workers.cli.main import main
from agent_workers.execution.models.embedders import embedder_of
from agent_workers.execution.models.failures import ErrorClass
from tests.integration.models.asking import Asking, asking, whole
from tests.integration.models.protocols import Answer

__all__ = ["asking", "whole"]


def test_a_reply_says_our_name_and_what_served_it(asking: Asking) -> None:
    assert asking.ask("openai").model == "openai (openai/served)"


def test_a_tenants_calls_are_made_with_its_own_key(asking: Asking) -> None:
    reply = asking.ask("openai", tenant="acme")
    assert asking.server.asked[0].headers["authorization"] == "Bearer the-key-of-acme"
    assert reply.model == "openai@acme (openai/served)"


def test_a_tenant_whose_key_is_missing_is_not_given_anothers(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "everybodys")
    failed = asking.fails("openai", tenant="lost")
    assert failed.error_class is ErrorClass.AUTH
    assert "model 'openai@lost' has no key: set NOWHERE" in str(failed)
    assert asking.server.asked == []


def test_a_key_of_the_provider_is_not_told_to_an_address_of_ones_own(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "everybodys")
    monkeypatch.setenv("OLLAMA_API_KEY", "everybodys")
    asking.ask("vllm")
    asking.ask("ollama")
    assert "everybodys" not in str([asked.headers for asked in asking.server.asked])


def test_a_key_that_a_provider_repeats_is_in_no_failure(asking: Asking) -> None:
    error = b'{"error": {"message": "no such key: a-key-of-ours", "code": "invalid_api_key"}}'
    asking.server.refusal = Answer([error], status=401)
    failed = asking.fails("openai")
    assert failed.error_class is ErrorClass.AUTH
    assert "no such key: ***" in str(failed)


def test_one_call_can_be_tried_from_the_command_line(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_MODELS", str(asking.file))
    monkeypatch.setenv("ACME_KEY", "the-key-of-acme")
    assert main(["models", "try", "openai", "--tenant", "acme", "--prompt", "hey", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] == "hello"
    assert (told["model"], told["tokens"]) == (
        "openai@acme (openai/served)",
        "10 in (0 cached), 2 out",
    )
    [asked] = asking.server.asked
    assert asked.headers["authorization"] == "Bearer the-key-of-acme"
    assert asked.body["messages"] == [{"role": "user", "content": "hey"}]


def test_a_call_that_is_tried_and_fails_says_what_to_do(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_MODELS", str(asking.file))
    asking.server.refusal = Answer([b'{"error": {"message": "no such model"}}'], status=404)
    assert main(["models", "try", "vllm"]) == 1
    said = capsys.readouterr().err
    assert "model 'vllm' failed: " in said
    assert "(hosted_vllm/qwen3 at http://" in said
    assert "check `model` and `address`" in said
    assert main(["models", "try", "openai"]) == 1
    assert "has no key: set KEY" in capsys.readouterr().err


def test_a_call_that_takes_long_says_whose_answer_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "slow.yaml").write_text(
        "scenarios:\n  - {latency_ms: 2500, reply: {text: hello}}\n"
    )
    monkeypatch.setenv("AGENT_SCENARIO", str(tmp_path / "slow.yaml"))
    assert main(["models", "try", "scripted/small"]) == 0
    said = capsys.readouterr()
    waiting = "waiting for an answer from 'scripted/small', for 60 s at most…"
    assert waiting in said.err.splitlines()
    assert "hello" in said.out


def test_texts_are_embedded_by_a_model_of_the_file(asking: Asking) -> None:
    embedder = embedder_of("embed", catalog=asking.catalog)
    assert embedder.model == "openai/text-embedding-3-small"  # vectors are of it, not of a name
    assert len(embedder.embed(["one", "two"])) == 2
    [asked] = asking.server.asked
    assert (asked.path, asked.headers["authorization"]) == (
        "/v1/embeddings",
        "Bearer a-key-of-ours",
    )
