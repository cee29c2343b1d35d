"""The parser of our command line: a mistake is one line, which says what is wanted instead."""

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from typing_extensions import override

from agent_workers.domain.text.nearest import did_you_mean

_NUMBERS: Mapping[object, str] = {int: "a whole number, like 3", float: "a number, like 1.5"}

# What argparse says, and the same in plain words.
_PLAIN: Mapping[str, str] = {
    "^the following arguments are required: ": "missing: ",
    "^one of the arguments (.+) is required$": r"give one of these: \1",
    "^argument (.+): not allowed with argument (.+)$": r"\1 and \2 cannot be given together",
    "^argument (.+): expected (at least )?one argument$": r"\1 needs a value",
    "^argument ": "",
}


class Parser(argparse.ArgumentParser):
    """Says what is nearest to a word that is no choice; its verbs do the same."""

    @override
    # Any: whatever the type of an argument makes of it.
    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        is_command = isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
        told = f"there is no command {value!r}" if is_command else f"{value!r} is not a choice"
        raise argparse.ArgumentError(
            None if is_command else action, f"{told}{_instead(str(value), known)}"
        )

    @override
    # Any: whatever the type of an argument makes of it.
    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError:
            wanted = _NUMBERS.get(action.type)
            if wanted is None:
                raise
            told = f"{arg_string!r} is not {wanted}"
            raise argparse.ArgumentError(action, told) from None

    @override
    def error(self, message: str) -> NoReturn:
        for said, plain in _PLAIN.items():
            message = re.sub(said, plain, message)
        self.exit(2, f"{self.prog}: {message}; see `{self.prog} --help`\n")

    def unknown(self, words: Sequence[str], given: Sequence[str]) -> NoReturn:
        """End because of words that no argument of the command, or of the verb given, takes."""
        verbs: dict[str, Any] = {}
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
                verbs.update(action.choices)
        verb = next((verbs[word] for word in given if word in verbs), None)
        if isinstance(verb, Parser):
            verb.unknown(words, given)
        known = sorted(
            name for one in self._actions for name in one.option_strings if name.startswith("--")
        )
        near = next((_instead(word, known) for word in words if word.startswith("-")), "")
        self.error(f"unknown: {' '.join(words)}{near}")


def _instead(word: str, known: Sequence[str]) -> str:
    instead = did_you_mean(word, known, near=0.5) or (known and f"choose from: {', '.join(known)}")
    return f"; {instead}" if instead else ""
