"""`agent-workers demo`, as a newcomer runs it."""

import ast
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
    entries = [
        ast.literal_eval(line)
        for line in re.findall(r"^  (\{'request_id'.*\})$", demo.stdout, re.MULTILINE)
    ]
    first = [entry for entry in entries if entry["request_id"] == "req-001"]
    policy = {"policy_text": POLICY}
    asked = {
        "request_id": "req-001",
        "user_id": "u-01",
        "message": "Please tell me the refund policy",
    }
    kept = {"request_id": "req-001", "workflow": "refund_flow", "observation": policy}
    assert [(entry["stage"], entry["payload"]) for entry in first] == [
        ("gateway", asked),
        ("orchestrator", {"workflow": "refund_flow", "tool": "search_policy"}),
        ("tool_executor", policy),
        ("state_store", kept),
    ]


def test_two_tools_cooperate(demo: CompletedProcess[str]):
    assert '"refundable": true' in demo.stdout


def test_a_worker_killed_in_the_middle_makes_one_refund(demo: CompletedProcess[str]):
    assert "kill -9" in demo.stdout
    assert "one refund, for 2 requests with one key" in demo.stdout


def test_nothing_is_left_running(demo: CompletedProcess[str], cwd: Path):
    assert "nothing is left running" in demo.stdout
    assert processes_of(cwd) == []


@pytest.mark.parametrize("after", ["Starting", "1. Please", "kill -9"])
def test_a_demo_that_is_interrupted_leaves_nothing_running(after: str, cwd: Path):
    log = cwd / "interrupted.log"
    with log.open("wb") as output:
        process = start("demo", cwd=cwd, output=output)
    wait_until(lambda: after in log.read_text(), after)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130, log.read_text()
    assert processes_of(cwd) == []
