"""Fits text into a terminal: what is too long is cut, and says how long it is."""

import json
import shutil
from collections.abc import Mapping, Sequence
from typing import Final

from agent_workers.domain.text.printable import printable_line
from agent_workers.terminal.printing import bytes_in_words, print_json

_NARROWEST: Final = 40
# Where nobody says how wide it is, as behind a pipe.
_PIPED: Final = 120
_GAP: Final = "  "


def width() -> int:
    return max(_NARROWEST, shutil.get_terminal_size((_PIPED, 24)).columns)


def cut(text: str, room: int) -> str:
    """Return a text on one line that fits into the room; what is cut says its size."""
    line = printable_line(text)
    if len(line) <= room:
        return line
    size = f"… ({bytes_in_words(len(text.encode('utf-8', 'replace')))})"
    return line[: max(0, room - len(size))] + size


def shortened(text: str, room: int) -> str:
    """Return a text on one line that fits into the room, without saying what was cut."""
    line = printable_line(text)
    return line if len(line) <= room else f"{line[: room - 1]}…"


def compact(value: object) -> str:
    """Write a value of JSON in words: a text as it is, `name: value` for the members of an object."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value:
        return ", ".join(f"{name}: {_inner(one)}" for name, one in value.items())
    return _inner(value)


def print_thing(thing: Mapping[str, object], *, as_json: bool) -> None:
    """Print the members of one thing, each on a line of its own, or as many as it takes."""
    if as_json:
        print_json(thing)
        return
    known = {name: value for name, value in thing.items() if value not in (None, "", [], {})}
    longest = max(map(len, known), default=0)
    for name, value in known.items():
        line = f"{name:<{longest}}{_GAP}{printable_line(compact(value))}"
        if len(line) <= width() or isinstance(value, str):
            print(line)
            continue
        print(name)
        for part in json.dumps(value, indent=2, ensure_ascii=False).splitlines():
            print(_GAP + part)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Put cells under each other; the last column has what is left of the width."""
    *widths, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    room = width() - sum(widths) - len(_GAP) * (len(widths) + 1)
    lines = []
    for *cells, last in rows:
        padded = [cell.ljust(size) for cell, size in zip(cells, widths, strict=True)]
        lines.append((_GAP + _GAP.join([*padded, cut(last, max(20, room))])).rstrip())
    return lines


def _inner(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
