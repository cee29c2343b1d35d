"""The course of a job: what deciding must remember of it from round to round."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NONE: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Counted and noted when a plan or a verdict is recorded, and only then: siblings race."""

    model_calls: int = 0
    tokens: int = 0
    tool_calls: int = 0
    by_tool: Mapping[str, int] = field(default_factory=lambda: _NONE)
    # How often a model planned the same call with the same arguments, by `repeat_key`: the newest.
    repeats: Mapping[str, int] = field(default_factory=lambda: _NONE)
    invalid_plans: int = 0
    replans: int = 0
    # How far up its ladders the job has been escalated; it never comes down again.
    rung: int = 0
    # Why the next plan is the last one: the limit that was reached. Empty: it is not.
    finalising: str = ""
    # How long the job had until its deadline when it began; 0: it has none.
    span_ms: int = 0
    # Which fallback agent the job was handed to, if any: once is enough.
    fell_back_to: str = ""


NEW = Course()


def repeat_key(tool: str, arguments: bytes) -> str:
    """Name a call by its tool and its arguments, as `repeats` counts it."""
    return hashlib.sha256(tool.encode("utf-8", "replace") + b"\0" + arguments).hexdigest()[:12]


def written(course: Course) -> str:
    """Write a course for its job's row; what was never counted is left out."""
    kept = {
        name: dict(value) if isinstance(value, Mapping) else value
        for name in Course.__dataclass_fields__
        if (value := getattr(course, name))
    }
    return json.dumps(kept, separators=(",", ":")) if kept else ""


def read(text: str) -> Course:
    """Read what `written` wrote; fields of a newer release are passed over."""
    if not text:
        return NEW
    known = Course.__dataclass_fields__
    return Course(**{name: value for name, value in json.loads(text).items() if name in known})
