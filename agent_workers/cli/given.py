"""What is given on the command line as text, as `@FILE`, or as `-` for standard input."""

import sys
from pathlib import Path

from agent_workers.cli.errors import WronglyAsked


def read_given(text: str, *, what: str = "") -> str:
    """Read what was given; `what` names it where it cannot be read."""
    if text == "-":
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WronglyAsked(f"cannot read {what}{text[1:]!r}: {error}") from None
