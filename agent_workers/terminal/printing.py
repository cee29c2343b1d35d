"""Prints lists and values: columns for people, JSON for programs."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

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
