"""Prints lists and values: columns for people, JSON for programs."""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from agent_workers.domain.text.printable import printable_line

UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_WIDEST = 60
_WIDEST_LAST = 240


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def print_json(value: object) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=written)
    # What a tool or a model gave may hold half a surrogate pair, which no terminal takes.
    print(text.encode("utf-8", "replace").decode())


def print_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, none: str) -> None:
    """Print these members of each row in columns; what is long is cut, the last one last.

    `none` is for people: whoever reads our output gets no line that is no row.
    """
    if not rows:
        print(none, file=sys.stderr)
        return
    table = [list(columns), *(_cells(row, columns) for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    for line in table:
        cells = [cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=False)]
        print("  ".join([*cells, line[-1]]).rstrip())


def bytes_in_words(count: int) -> str:
    """Write a number of bytes in the largest unit of which there is one."""
    for unit, size in reversed(UNITS.items()):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} bytes"


def counted(count: int, one: str, many: str = "") -> str:
    """Write how many there are: `1 step`, `2 steps`, or `2 memories` where `many` says so."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def _cells(row: Mapping[str, object], columns: Sequence[str]) -> list[str]:
    *others, last = (row.get(name) for name in columns)
    return [*(_cell(one, _WIDEST) for one in others), _cell(last, _WIDEST_LAST)]


def written(value: object) -> str:
    """Write what JSON has no word for; moments as the API writes them."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _cell(value: object, widest: int) -> str:
    # An end of a line would begin a row that nobody has.
    text = "" if value is None else printable_line(written(value))
    return text if len(text) <= widest else f"{text[: widest - 1]}…"


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
