"""What a terminal may be shown of what others wrote: letters, and never a command."""

import re
from typing import Final
from unicodedata import category

# Between letters of some languages, and in many pictures, these say how the letters join.
_JOINERS: Final = "\u200c\u200d"
_DOUBTFUL: Final = re.compile(r"[^\n\t -~]")
_DOUBTFUL_IN_LINE: Final = re.compile(r"[^ -~]")


def printable(text: str) -> str:
    """Write what is no letter as JSON would: control characters, directions, halves of pairs."""
    return text if text.isprintable() else _DOUBTFUL.sub(_written, text)


def printable_line(text: str) -> str:
    """Write ends of lines in the same way, so that one thing stays one line."""
    return text if text.isprintable() else _DOUBTFUL_IN_LINE.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    letter = found.group()
    if letter.isprintable() or letter in _JOINERS or category(letter) == "Zs":
        return letter
    raw = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{raw[at : at + 2].hex()}" for at in range(0, len(raw), 2))
