"""The tool `python_code`, the command `sandbox` and what doctor says, on the real Monty."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent_workers.cli.doctor.sandbox import check_sandbox
from agent_workers.cli.main import main
from agent_workers.domain.step import StepKind, ToolFailed, ToolRan
from agent_workers.domain.tools.tool import Call
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.tools.builtin.code import python_code
from agent_workers.execution.tools.router import ToolRouter
from agent_workers.settings_tools import ToolSettings
from agent_workers.terminal.findings import Level
from agent_workers.worker.parts.facilities import code
from tests.integration.sandbox.conftest import level
from tests.unit.execution.evaluator.rounds import by_function
from tests.unit.orchestration.agents import claimed

SUM = {"code": "print('adding')\nresult = sum(numbers)", "given": {"numbers": [1, 2, 39]}}


SAID = "ZeroDivisionError: division by zero\nprinted before: before\n"


def test_it_gives_the_result_and_what_was_printed() -> None:
    ran = asked(SUM)
    assert isinstance(ran, ToolRan), ran
    assert json.loads(ran.result) == {"result": 42, "printed": "adding\n"}


def test_a_program_that_fails_is_told_to_the_planner_in_words() -> None:
    ran = asked({"code": "print('before')\n1 / 0"})
    assert isinstance(ran, ToolFailed), ran
    assert (ran.code, ran.message) == ("code_raised", SAID)


def test_where_nothing_can_hold_it_the_tool_is_off() -> None:
    missing = ToolSettings(sandbox="wasm", sandbox_wasm="nowhere/python.wasm")
    ran = asked(SUM, missing)
    assert isinstance(ran, ToolFailed), ran
    assert ran.code == "not_installed"
    assert "AGENT_SANDBOX is wasm" in ran.message
    first = next(check_sandbox(missing))
    assert (first.level, "python_code is off" in first.line) == (Level.WARN, True)


def test_doctor_names_the_level() -> None:
    assert "python_code runs in monty" in next(check_sandbox(ToolSettings())).line


def test_the_command_runs_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "program.py"
    file.write_text("print('seen')\nresult = [1]")
    assert main(["sandbox", "run", str(file), "--level", "monty"]) == 0
    assert capsys.readouterr().out == "seen\n[\n  1\n]\n"
    file.write_text("1 / 0")
    assert main(["sandbox", "run", str(file), "--level", "monty"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def asked(arguments: object, settings: ToolSettings | None = None, runner: object = None) -> object:
    agent = loaded(by_function(python_code))
    makers = code(settings or ToolSettings(), ())

    def give(wanted: type, call: Call) -> object:
        return runner or makers[wanted](call)

    plain = claimed(StepKind.TOOL, tool="python_code", effect=python_code.effect)
    step = replace(plain, arguments=json.dumps(arguments).encode())
    return ToolRouter(lambda _: agent, give=give).run(step)


def test_what_a_program_raised_is_told_with_its_line() -> None:
    source = "def half(n):\n    return n / 0\n\nhalf(2)"
    ran = asked({"code": source}, runner=level("process"))
    assert isinstance(ran, ToolFailed), ran
    assert ran.trouble is not None
    assert (ran.trouble.type, ran.trouble.where) == ("ZeroDivisionError", "<program>:2 in half")
    assert "return n / 0" in ran.trouble.traceback
