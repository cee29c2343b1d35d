"""The command line itself: its help, its mistakes, its lazy loading."""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_workers.cli.main import COMMANDS, loaded, main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AGENT_API_URL", "AGENT_API_KEY", "AGENT_DATABASE_URL", "AGENT_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_a_command_there_is_help_and_exit_code_2(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 2
    assert "agent-workers" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["up", "demo", "migrate", "doctor", "agents", "keys", "jobs", "doubts", "schedules"]
)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"agent-workers {name}" in capsys.readouterr().out


def test_an_unknown_option_is_a_usage_mistake():
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--what"])
    assert ended.value.code == 2


@pytest.mark.parametrize("words", [("jobs", "list"), ("workers",)])
def test_without_a_system_the_remedy_is_one_line(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
):
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "agent-workers up" in said


def test_a_word_that_is_no_text_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("AGENT_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AGENT_API_KEY", "k")
    assert main(["jobs", "file", "job", "\udcff"]) == 2
    assert capsys.readouterr().err == "agent-workers jobs: '\\udcff' is not valid UTF-8\n"


def test_without_settings_the_doctor_fails(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor"]) == 1
    assert "FAIL" in capsys.readouterr().out


def test_a_verdict_needs_its_reason():
    with pytest.raises(SystemExit) as ended:
        main(["doubts", "resolve", "some-key", "--happened"])
    assert ended.value.code == 2


@pytest.mark.parametrize("wrong", ['{"half": ', "@no-such-file"])
def test_an_input_that_cannot_be_read_is_a_usage_mistake(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("AGENT_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AGENT_API_KEY", "none")
    assert main(["jobs", "submit", "support", wrong]) == 2
    assert "input" in capsys.readouterr().err


def test_help_loads_no_command():
    check = (
        "import sys; from agent_workers.cli.main import main; main([]);"
        "print(sorted({'alembic', 'celery', 'sqlalchemy', 'pydantic', 'litellm'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_every_command_that_is_listed_says_what_it_does():
    assert all(command.help for command in COMMANDS.values())


def test_every_argument_says_what_it_is_for():
    def silent(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for verb, below in action.choices.items():
                    yield from silent(below, f"{name} {verb}")
            elif not action.help:
                yield f"{name} {action.metavar or action.dest}"

    found: list[str] = []
    for name, command in COMMANDS.items():
        parser = argparse.ArgumentParser(prog=name)
        loaded(command.module).add_arguments(parser)
        found += silent(parser, name)
    assert found == []


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("job", "list"), "there is no command 'job'; did you mean 'jobs'?"),
        (("jobs", "shwo", "x"), "there is no command 'shwo'; did you mean 'show'?"),
        (("jobs", "submit", "a", "b", "--wiat"), "unknown: --wiat; did you mean '--wait'?"),
        (
            ("jobs", "list", "--status", "done"),
            "--status: 'done' is not a choice; choose from: queued,",
        ),
        (("jobs", "submit", "a", "b", "--deadline", "soon"), "'soon' is neither a duration like"),
        (("keys", "create", "--days", "-1"), "--days: '-1' is not a number above 0"),
        (("mcp", "approve", "s", "--key-ttl", "0"), "--key-ttl: '0' is not a number above 0"),
        (("models", "try", "m", "--seconds", "0"), "--seconds: '0' is not a number above 0"),
        (("prove", "--soak-minutes", "-5"), "--soak-minutes: '-5' is not a number above 0"),
        (("prove", "--long", "--hours", "0"), "--hours: '0' is not a number above 0"),
    ],
)
def test_a_wrong_word_is_told_with_the_nearest(
    words: tuple[str, ...], near: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert near in capsys.readouterr().err


def test_a_mistake_in_json_is_told_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("AGENT_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AGENT_API_KEY", "none")
    assert main(["jobs", "submit", "support", '{"a": 1,\n "b": }']) == 2
    assert "at line 2, column 7, near" in capsys.readouterr().err


def test_a_huge_file_is_not_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    monkeypatch.setenv("AGENT_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AGENT_API_KEY", "none")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 33)
    assert main(["jobs", "submit", "support", "@huge"]) == 2
    assert "'huge' is too large (8 GiB; the API takes at most 1 MiB)" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named_in_plain_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    (tmp_path / "bytes.py").write_bytes(b"a = \xff")
    assert [main(["sandbox", "run", name]) for name in ("nowhere.py", "bytes.py")] == [2, 2]
    assert capsys.readouterr().err.splitlines() == [
        "agent-workers sandbox: cannot read 'nowhere.py': No such file or directory",
        "agent-workers sandbox: cannot read 'bytes.py': it is not UTF-8 text (byte 4)",
    ]


def test_the_doctor_speaks_json_too(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {"level", "text", "remedy"} == set(found[0])


def test_a_data_folder_that_cannot_be_made_is_one_line_with_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "data"
    assert main(["up", "--folder", str(place)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(place) in said
    assert "a file is in the way" in said


def test_a_file_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("AGENT_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AGENT_API_KEY", "none")
    assert main(["batches", "results", "batch_1", "--output", "no/such/folder"]) == 1
    assert capsys.readouterr().err == (
        "agent-workers batches: 'no/such/folder': No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["submit", "support", "hello", "--priority", "high"],
            "--priority: 'high' is not a whole number, like 3",
        ),
        (
            ["submit", "support", "hello", "--max-cost-usd", "much"],
            "--max-cost-usd: 'much' is not a number, like 1.5",
        ),
        (["submit"], "missing: agent, input"),
        (["submit", "support", "hello", "--user"], "--user needs a value"),
        (
            ["submit", "support", "hello", "--wait", "--json"],
            "--json and --wait cannot be given together",
        ),
        (
            ["submit", "support", "hello", "--sesion", "s"],
            "unknown: --sesion s; did you mean '--session'?",
        ),
    ],
)
def test_a_wrong_option_is_one_line_that_names_the_verb(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main(["jobs", *words])
    assert ended.value.code == 2
    verb = "agent-workers jobs submit"
    assert capsys.readouterr().err == f"{verb}: {told}; see `{verb} --help`\n"
