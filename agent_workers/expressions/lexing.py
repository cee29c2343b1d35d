"""Cuts an expression into tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agent_workers.expressions.errors import Malformed

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
      | (?P<text>[rR]?(?:\"\"\"|'''|"|'))
      | (?P<number>0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<sign>&&|\|\||[=!<>]=|[-+*/%!<>?:.,()\[\]{}])""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))"
)
_PLAIN_ESCAPES: Final = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_RESERVED: Final = frozenset(
    "as break const continue else for function if import let loop namespace package return var void while".split()
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is "text", "number", "name", "sign" or "end"; `value` is what it stands for."""

    kind: str
    value: str
    at: int


def tokens(source: str) -> Iterator[Token]:
    """Yield the tokens of an expression, and at last one of kind "end"."""
    at = 0
    while at < len(source):
        found = _TOKEN.match(source, at)
        if found is None:
            raise Malformed(f"{source[at]!r} has no meaning here (character {at + 1})")
        kind = found.lastgroup or ""
        if kind == "text":
            value, end = _text(source, found.start(), found.end())
            yield Token("text", value, at)
            at = end
            continue
        if kind == "name" and found[0] in _RESERVED:
            raise Malformed(f"{found[0]!r} is a reserved word (character {at + 1})")
        if kind != "space":
            yield Token(kind, found[0], at)
        at = found.end()
    yield Token("end", "", at)


def _text(source: str, start: int, at: int) -> tuple[str, int]:
    """Read a text whose opening quote ends at `at`; return it and where its closing quote ends."""
    opening = source[start:at]
    is_raw, quote = opening[0] in "rR", opening.lstrip("rR")
    pieces = []
    while not source.startswith(quote, at):
        if at >= len(source) or (source[at] in "\r\n" and len(quote) == 1):
            raise Malformed(f"the text that begins at character {start + 1} is not closed")
        if source[at] == "\\" and not is_raw:
            piece, at = _escaped(source, at)
        elif source[at] == "\\":
            piece, at = source[at : at + 2], at + 2
        else:
            piece, at = source[at], at + 1
        pieces.append(piece)
    return "".join(pieces), at + len(quote)


def _escaped(source: str, at: int) -> tuple[str, int]:
    found = _ESCAPE.match(source, at)
    if found is None:
        raise Malformed(f"{source[at : at + 2]!r} is not an escape sequence (character {at + 1})")
    plain, *numbers, octal = found.groups()
    if plain:
        return _PLAIN_ESCAPES.get(plain, plain), found.end()
    number = int(octal, 8) if octal else int(next(digits for digits in numbers if digits), 16)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:  # noqa: PLR2004 (the bounds of Unicode)
        raise Malformed(f"{found[0]!r} is not a Unicode character (character {at + 1})")
    return chr(number), found.end()
