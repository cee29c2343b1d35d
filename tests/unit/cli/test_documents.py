"""What the documents say is what there is."""

import re
from pathlib import Path

from agent_workers.cli.main import COMMANDS
from agent_workers.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[3]


def test_every_setting_is_in_the_table_and_nothing_else_is():
    table = re.findall(r"^\| (.+?) \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    documented = {name for cell in table for name in re.findall(r"`(AGENT_\w+)`", cell)}
    assert documented == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_every_command_that_a_document_names_exists():
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {
        word
        for document in documents
        for word in re.findall(r"(?<!/)agent-workers ([a-z]+)\b", document.read_text())
    }
    assert named <= set(COMMANDS)


def test_the_readme_s_first_tool_answers():
    blocks = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(blocks[0], "weather.py", "exec"), names)  # it is our own text
    forecast = names["forecast"]
    assert callable(forecast)
    assert forecast("Lisbon") == {"city": "Lisbon", "tomorrow": "sunny"}
