"""Reads scripts of the scripted model from YAML, and refuses what it does not know."""

import json
import re
from collections.abc import Mapping
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import yaml

from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.models.scripted.script import (
    FAULT_STATUS,
    Fault,
    SaidCall,
    Saying,
    Scenario,
    Script,
    When,
)

Row: TypeAlias = Mapping[str, object]
_SCENARIO = {"name", "when", "reply", "fault", "latency_ms", "times"}
_WHEN = {"model", "purpose", "turn", "last_role", "last_user", "last_tool", "has_tools", "system"}
_REPLY = {"text", "json", "tool_calls", "usage"}
_FAULT = {"kind", "retry_after_s", "message"}
# Faults of the answer itself, not of the call: the provider says 200 and bills them.
_SPOILED = {"malformed", "refusal", "truncated"}


def load_script(*paths: Path) -> Script:
    """Load scripts of one's own; what none of them matches, the script of the package answers.

    That one echoes, calls tools and accepts.
    """
    own = (parse_scenarios(path.read_text(encoding="utf-8")) for path in paths)
    return Script(tuple(chain.from_iterable(own)) + _default_scenarios())


def parse_scenarios(source: str) -> tuple[Scenario, ...]:
    """Parse the YAML text of a script."""
    document = yaml.safe_load(source)
    rows = document.get("scenarios") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise Misdeclared("a script needs a list of `scenarios`")
    return tuple(_scenario(_row(row, _SCENARIO, "scenario")) for row in rows)


def _default_scenarios() -> tuple[Scenario, ...]:
    folder = resources.files("agent_workers.execution.models.scripted").joinpath("scenarios")
    return parse_scenarios(folder.joinpath("default.yaml").read_text(encoding="utf-8"))


def _scenario(row: Row) -> Scenario:
    fault = _fault(_row(row["fault"], _FAULT, "fault")) if "fault" in row else None
    saying = _saying(_row(row.get("reply", {}), _REPLY, "reply"))
    return Scenario(
        name=str(row.get("name", "unnamed")),
        when=_when(_row(row.get("when", {}), _WHEN, "when")),
        saying=_spoil(saying, fault) if fault else saying,
        fault=fault if fault and fault.kind not in _SPOILED else None,
        latency_s=float(str(row.get("latency_ms", 0))) / 1000,
        times=int(str(row["times"])) if "times" in row else None,
    )


def _when(row: Row) -> When:
    has_tools = row.get("has_tools")
    return When(
        model=_pattern(row.get("model")),
        purpose=_text(row.get("purpose")),
        turn=int(str(row["turn"])) if "turn" in row else None,
        last_role=_text(row.get("last_role")),
        last_user=_pattern(row.get("last_user")),
        last_tool=_pattern(row.get("last_tool")),
        has_tools=has_tools if isinstance(has_tools, bool) else None,
        system=_pattern(row.get("system")),
    )


def _fault(row: Row) -> Fault:
    kind = str(row.get("kind"))
    if kind not in FAULT_STATUS and kind not in _SPOILED:
        raise Misdeclared(
            f"a script has no fault {kind!r}; use one of {', '.join(sorted({*FAULT_STATUS, *_SPOILED}))}"
        )
    wait = row.get("retry_after_s")
    return Fault(
        kind=kind,
        retry_after_s=None if wait is None else float(str(wait)),
        message=str(row.get("message", f"scripted {kind}")),
    )


def _saying(row: Row) -> Saying:
    calls = row.get("tool_calls", [])
    usage = row.get("usage")
    if not isinstance(calls, list):
        raise Misdeclared(f"`tool_calls` must be a list, not {calls!r}")
    return Saying(
        text=_json_text(row["json"]) if "json" in row else str(row.get("text", "")),
        calls=tuple(_call(_row(call, {"name", "arguments"}, "tool call")) for call in calls),
        usage={str(k): int(v) for k, v in usage.items()} if isinstance(usage, dict) else None,
    )


def _call(row: Row) -> SaidCall:
    return SaidCall(name=str(row["name"]), arguments=_json_text(row.get("arguments", {})))


def _spoil(saying: Saying, fault: Fault) -> Saying:
    text = saying.text or "this is what the scripted model would have said"
    match fault.kind:
        case "malformed":
            calls = tuple(SaidCall(name=c.name, arguments=c.arguments[:-1]) for c in saying.calls)
            return Saying(text='{"half": ', calls=calls)
        case "truncated":
            return Saying(text=text[: len(text) // 2], finish_reason="length")
        case "refusal":
            return Saying(refusal=fault.message)
        case _:
            return saying


def _row(value: object, known: set[str], what: str) -> Row:
    if not isinstance(value, dict) or not value.keys() <= known:
        raise Misdeclared(f"a {what} is a mapping of {', '.join(sorted(known))}; not {value!r}")
    return value


def _pattern(value: object) -> re.Pattern[str] | None:
    return None if value is None else re.compile(str(value), re.DOTALL)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _json_text(value: object) -> str:
    """Keep JSON text as it is written (words may stand for numbers in it); encode the rest."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
