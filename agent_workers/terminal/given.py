"""What is given on the command line as text, as `@FILE`, or as `-` for standard input."""

import json
import sys
from pathlib import Path

from agent_workers.terminal.errors import WronglyAsked
from agent_workers.terminal.printing import bytes_in_words

# The API takes 1 MiB; what is larger than that is not read at all.
_LARGEST = 1 << 20
_AROUND = 20


def read_given(text: str, *, what: str = "") -> str:
    """Read what was given; `what` names it where it cannot be read."""
    if text == "-":
        return _read_stdin(what)
    if not text.startswith("@"):
        return text
    return read_text(Path(text[1:]), what=what, most=_LARGEST)


def read_text(path: Path, *, what: str = "", most: int | None = None) -> str:
    """Read a file of text that the API, where it goes there, takes at most so many bytes of."""
    named = f"{what}{str(path)!r}"
    try:
        size = path.stat().st_size
        if most is not None and size > most:
            raise WronglyAsked(_too_large(named, f"{bytes_in_words(size)}; "))
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        said = f"cannot read {named}: it is not UTF-8 text (byte {error.start})"
        raise WronglyAsked(said) from None
    except OSError as error:
        raise WronglyAsked(f"cannot read {named}: {error.strerror}") from None


def read_input(text: str) -> str | dict[str, object]:
    """Read a job's input: what begins with a brace is an object of JSON, and all else is text."""
    given = read_given(text, what="the input from ")
    if not given.lstrip().startswith("{"):
        return given
    parsed = read_json(given, what="the input")
    assert isinstance(parsed, dict)  # what begins with a brace is an object
    return parsed


def read_json(text: str, *, what: str) -> object:
    """Parse JSON; a mistake is told with its place and what stands around it."""
    try:
        parsed: object = json.loads(text)
    except RecursionError:
        raise WronglyAsked(f"{what} is nested too deeply") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        near = text[max(0, error.pos - _AROUND) : error.pos + _AROUND]
        raise WronglyAsked(
            f"{what} is not valid JSON: {error.msg} at {place}, near {near!r}"
        ) from None
    return parsed


def read_json_file(path: Path, *, what: str) -> object:
    return read_json(read_given(f"@{path}", what=f"{what} from "), what=f"{what} in {str(path)!r}")


def _read_stdin(what: str) -> str:
    try:
        text = sys.stdin.read(_LARGEST + 1)
    except UnicodeDecodeError as error:
        said = f"cannot read {what}standard input: it is not UTF-8 text (byte {error.start})"
        raise WronglyAsked(said) from None
    if len(text) > _LARGEST:
        raise WronglyAsked(_too_large(f"{what}standard input"))
    return text


def _too_large(what: str, size: str = "") -> str:
    most = f"the API takes at most {bytes_in_words(_LARGEST)}"
    return f"{what} is too large ({size}{most}): put it where a tool can read it"
