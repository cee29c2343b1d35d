"""The tables of docs/configuration.md: defaults and values come from the code, meanings stay."""

import re
from enum import Enum
from typing import Any, get_args

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from agent_workers.settings import PREFIX, Settings
from tests.support.reference.markdown import code
from tests.support.repository import ROOT

PAGE = ROOT / "docs" / "configuration.md"
_HEAD = "| variable | default | values | meaning |\n|---|---|---|---|\n"
_TABLE = re.compile(r"^\| variable \|.*\n\|-.*\n", re.MULTILINE)
_ROW = re.compile(r"^\| `AGENT_(?P<name>\w+)` \|.* \| (?P<meaning>[^|]*) \|$", re.MULTILINE)


def settings() -> str:
    """Return the page as it should be: its rows are rewritten, the rest is left as it is."""
    return _ROW.sub(_row, _TABLE.sub(_HEAD, PAGE.read_text()))


def _row(match: re.Match[str]) -> str:
    name, meaning = match["name"], match["meaning"]
    field = Settings.model_fields[name.lower()]
    return f"| `{PREFIX}{name}` | {_default(field)} | {_values(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    match field.default:
        case bool(one):
            return code(str(one).lower())
        case tuple() as several:
            return code(",".join(_word(one) for one in several))
        case one if one is None or field.default_factory is not None:
            return ""
        case one:
            return code(_word(one))


def _word(value: object) -> str:
    return str(value.value if isinstance(value, Enum) else value)


# Any: an annotation is whatever a type may be.
def _values(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    choices = [one for one in get_args(annotation) if isinstance(one, str)]
    if choices:
        return " ".join(code(one) for one in choices)
    least = next((one.ge for one in field.metadata if isinstance(one, Ge)), None)
    most = next((one.le for one in field.metadata if isinstance(one, Le)), None)
    match annotation:
        case _ if annotation is bool:
            return "`true` `false`"
        case _ if least is not None and most is not None:
            return f"{least:,} to {most:,}"
        case _ if least is not None:
            return f"at least {least:,}"
        case _:
            return ""
