"""`pytest --record-models` finds models as a worker does: by the names of `models.yaml`."""

import json
import subprocess
import sys
from pathlib import Path

from tests.acceptance.systems import environment

MODELS = """
models:
  fast:
    model: scripted/small
    prices: {input: 0, output: 0}
"""
TEST = """
from agent_workers import Agent

def test_it(first_turn):
    turn = first_turn(Agent(name="a", model="fast", instructions="Say hello."), {"message": "Hi"})
    assert not turn.problems
"""
SCENARIO = "scenarios: [{name: hello, when: {model: scripted/small}, reply: {text: Hello}}]"


def ran(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options)
    given = environment() | {"AGENT_SCENARIO": "scenario.yaml"}
    return subprocess.run(
        command, cwd=folder, env=given, capture_output=True, text=True, check=False
    )


def test_a_name_of_models_yaml_is_recorded_and_replayed_without_the_file(tmp_path: Path) -> None:
    (tmp_path / "test_desk.py").write_text(TEST)
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    recorded = ran(tmp_path, "--record-models")
    assert recorded.returncode == 0, recorded.stdout
    [kept] = json.loads((tmp_path / "recorded" / "test_it.json").read_text()).values()
    assert (kept["asked"]["model"], kept["reply"]["model"]) == ("fast", "fast (scripted/small)")
    (tmp_path / "models.yaml").unlink()
    assert ran(tmp_path).returncode == 0
