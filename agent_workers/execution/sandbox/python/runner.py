"""Runs inside a sandbox, as source on the command line: one program, told and answered in JSON.

The program leaves what it found in `result`. Whatever is answered is read as data by somebody who
expects the worst: a program that writes an answer of its own deceives only who asked for it.
"""

import io
import json
import os
import sys


class _TooMuch(BaseException):
    """Not an `Exception`, so that ordinary programs do not go on after it."""


class _Printed:
    """Keeps what is printed, up to a number of characters."""

    encoding = "utf-8"

    def __init__(self, most: int) -> None:
        self.pieces: list[str] = []
        self.left = most

    def flush(self) -> None:
        """There is nothing to wait for."""

    def write(self, text: str) -> int:
        self.left -= len(text)
        if self.left < 0:
            raise _TooMuch
        self.pieces.append(text)
        return len(text)


def main() -> None:
    told = json.loads(sys.stdin.buffer.read())
    answers = sys.stdout
    printed = _Printed(told["most"])
    sys.stdout = sys.stderr = printed
    sys.stdin = io.TextIOWrapper(io.BytesIO(b""))
    try:
        answer = _answer(told, printed)
    except MemoryError:
        answer = '{"ended": "memory"}'
    answers.write(answer)
    answers.flush()
    os._exit(0)


def _answer(told: dict, printed: _Printed) -> str:  # type: ignore[type-arg]  # JSON, any values
    try:
        value = _run(told["source"], told["given"])
        said = {"ended": "finished", "value": value}
        written = json.dumps(said | {"printed": "".join(printed.pieces)}, allow_nan=False)
    except MemoryError:
        raise
    except _TooMuch:
        return '{"ended": "output"}'
    except BaseException as error:  # noqa: BLE001  # whatever it raised is what it gave
        said = {"ended": "raised", "error": type(error).__name__, "message": _message(error)}
        said["way"] = _way(error, told["source"])
        return json.dumps(said | {"printed": "".join(printed.pieces)})
    return '{"ended": "output"}' if printed.left < 0 else written


def _run(source: str, given: dict) -> object:  # type: ignore[type-arg]  # as above
    names = {"__name__": "__main__", **given}
    try:
        exec(compile(source, "<program>", "exec"), names)  # noqa: S102  # what this file is for
    except SystemExit as left:
        if left.code not in (None, 0):
            raise
    return names.get("result")


def _message(error: BaseException) -> str:
    """Write what was raised, with its line; the program's own `__str__` may do anything."""
    try:
        words = str(error)[:2000]
    except BaseException:  # noqa: BLE001  # as above
        words = "its message cannot be written"
    line, at = 0, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == "<program>":
            line = at.tb_lineno
        at = at.tb_next
    return f"{words} (line {line})" if line else words


def _way(error: BaseException, source: str) -> str:
    """Write the program's own lines that led to what it raised, the last ones if they are many."""
    lines, told, at = source.splitlines(), [], error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        if code.co_filename == "<program>":
            text = "".join(lines[at.tb_lineno - 1 : at.tb_lineno]).strip()[:200]
            told.append(f'  File "<program>", line {at.tb_lineno}, in {code.co_name}\n    {text}\n')
        at = at.tb_next
    return "".join(told)[-2000:]


if __name__ == "__main__":
    main()
