"""`models.yaml` as the command line sees it: what the doctor finds, and what is listed."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_workers.cli.doctor.models import check_addresses, check_models
from agent_workers.cli.main import main
from agent_workers.cli.models.command import REMEDIES
from agent_workers.execution.models.failures import ErrorClass
from agent_workers.execution.models.named.file import read_models
from agent_workers.settings import PREFIX, Settings
from agent_workers.terminal.findings import Level
from tests.support.repository import ROOT

DOCS = ROOT / "docs"
NO_PRICE = "add `prices` at models.yaml:3 (0 if it costs nothing)"
FILE = """\
models:
  fast: {model: openai/gpt-5-mini, address: ADDRESS, key: {env: KEY_OF_TESTS}}
  bare: {model: hosted_vllm/x, address: ADDRESS}
"""


@pytest.fixture
def address() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


@pytest.fixture
def file(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.yaml").write_text(FILE.replace("ADDRESS", address))
    return tmp_path / "models.yaml"


def found(**settings: object) -> list[tuple[Level, str]]:
    return [(one.level, one.text) for one in check_models(Settings(**settings))]  # type: ignore[arg-type]


def test_the_file_is_found_in_the_current_folder_or_where_the_setting_says(file: Path) -> None:
    assert Settings().models_file == Path("models.yaml")
    assert Settings(models=Path("/etc/models.yaml")).models_file == Path("/etc/models.yaml")
    file.unlink()
    assert Settings().models_file is None
    assert found() == []


def test_the_doctor_names_a_key_and_a_price_that_are_missing(file: Path) -> None:
    assert found() == [
        (Level.FAIL, "model 'fast' has no key: set KEY_OF_TESTS (models.yaml:2)"),
        (Level.FAIL, f"model 'bare' has no price: {NO_PRICE}"),
    ]
    assert file.is_file()


def test_the_doctor_knocks_at_every_address(
    file: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_OF_TESTS", "sk-1")
    file.write_text(file.read_text().replace("}\n  bare", "}\n  #"))
    assert [level for level, _ in found()] == [Level.OK]
    file.write_text(file.read_text().replace(address, "http://127.0.0.1:9/v1"))
    [(level, text)] = found()
    assert level is Level.FAIL
    assert text.startswith("the address of 'fast' does not answer: http://127.0.0.1:9/v1 (")


def test_beside_running_workers_the_doctor_warns_of_the_addresses_alone(
    file: Path, address: str
) -> None:
    file.write_text(file.read_text().replace(address, "http://127.0.0.1:9/v1", 1))
    [finding] = check_addresses(Settings())
    assert finding.level is Level.WARN
    assert finding.text.startswith("the address of 'fast' does not answer: http://127.0.0.1:9/v1 (")
    assert "tried from here" in finding.remedy
    file.unlink()
    assert [*check_addresses(Settings())] == []


def test_the_doctor_tells_every_mistake_of_the_file(file: Path) -> None:
    file.write_text("models:\n  fast: {modle: openai/gpt-5}\n  'a b': {}\n")
    assert [text.partition(": ")[0] for _, text in found()] == ["models.yaml:2", "models.yaml:3"]


def test_the_doctor_sees_a_quota_that_stands_in_two_places(file: Path) -> None:
    file.write_text("models:\n  fast: {model: scripted/small, limits: {requests_per_minute: 5}}\n")
    quotas = {"fast": {"requests_per_minute": 6}}
    assert found(model_quotas=quotas) == [
        (
            Level.FAIL,
            "the quota of 'fast' is both in AGENT_MODEL_QUOTAS and at models.yaml:2: remove one",
        )
    ]


def test_the_list_says_where_a_key_is_and_never_what_it_is(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file.is_file()
    monkeypatch.setenv("KEY_OF_TESTS", "sk-very-secret")
    assert main(["models", "list", "--json"]) == 0
    printed = capsys.readouterr().out
    assert "sk-very-secret" not in printed
    rows = {row["name"]: row for row in json.loads(printed)}
    assert (rows["fast"]["key"], rows["fast"]["present"]) == ("env KEY_OF_TESTS", "yes")
    assert (rows["fast"]["prices"], rows["fast"]["source"]) == (
        "in 0.25, cached 0.025, out 2",
        "models.yaml:2",
    )
    assert "scripted/small" in rows
    assert "anthropic/claude-haiku-4-5" not in rows


def test_a_mistake_in_the_file_ends_a_command_with_its_place(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("models:\n  fast: {key: sk-very-secret}\n")
    assert main(["models", "list"]) == 2
    said = capsys.readouterr().err
    assert "models.yaml:2: models.fast.key: a key is never written here" in said
    assert "sk-very-secret" not in said


def test_a_model_without_a_price_is_not_called(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert file.is_file()
    assert main(["models", "try", "openai/not-yet"]) == 2
    assert "model 'openai/not-yet' is not in the price table" in capsys.readouterr().err


def test_the_schema_is_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert file.is_file()
    assert main(["models", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["models"]


def test_every_way_to_fail_has_a_remedy() -> None:
    assert set(REMEDIES) == set(ErrorClass)


@pytest.mark.parametrize("document", ["models.md", "models-providers.md"])
def test_every_file_of_models_that_a_document_shows_can_be_read(document: str) -> None:
    blocks = re.findall(r"```yaml\n(models:\n.+?)```", (DOCS / document).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        assert read_models(block, file=document).models
