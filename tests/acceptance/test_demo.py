"""`agent-workers demo`, as a newcomer runs it."""

import re
import signal
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.acceptance.systems import PATIENCE_S, processes_of, run, start, wait_until

POLICY = "Refunds must be within 7 days and the learning progress must be below 20%."


@pytest.fixture(scope="module")
def demo(cwd: Path) -> CompletedProcess[str]:
    return run("demo", cwd=cwd)


def test_the_demo_succeeds(demo: CompletedProcess[str]):
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert f'"policy_text": "{POLICY}"' in demo.stdout


def test_the_trace_goes_through_every_layer_once(demo: CompletedProcess[str]):
    way = re.findall(r"^  (admit|execute|respond) +(\w+) +(.*)$", demo.stdout, re.MULTILINE)
    assert way[:4] == [
        ("admit", "gateway", "user_id: u-01, message: Please tell me the refund policy"),
        ("execute", "orchestrator", "workflow: refund_flow, tool: search_policy"),
        ("execute", "tool_executor", f"policy_text: {POLICY}"),
        ("respond", "state_store", f"keeps policy_text: {POLICY}"),
    ]


def test_nobody_has_to_read_python(demo: CompletedProcess[str]):
    assert not re.search(r"\{'|None|True", demo.stdout)


def test_it_ends_with_commands_to_try(demo: CompletedProcess[str]):
    _, _, end = demo.stdout.partition("Try next")
    assert "agent-workers up" in end
    assert "agent-workers jobs submit support" in end
    assert "agent-workers jobs list" in end


def test_two_tools_cooperate(demo: CompletedProcess[str]):
    assert '"refundable": true' in demo.stdout


def test_a_worker_killed_in_the_middle_makes_one_refund(demo: CompletedProcess[str]):
    assert "kill -9" in demo.stdout
    assert "one refund, for 2 requests with one key" in demo.stdout


def test_nothing_is_left_running(demo: CompletedProcess[str], cwd: Path):
    assert "nothing is left running" in demo.stdout
    assert processes_of(cwd) == []


@pytest.mark.parametrize("after", ["Starting", '1. "Please', "kill -9"])
def test_a_demo_that_is_interrupted_leaves_nothing_running(after: str, cwd: Path):
    log = cwd / "interrupted.log"
    with log.open("wb") as output:
        process = start("demo", cwd=cwd, output=output)
    wait_until(lambda: after in log.read_text(), after)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130, log.read_text()
    assert processes_of(cwd) == []
