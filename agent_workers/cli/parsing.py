"""The parser of our command line: to a word that it does not know it says the nearest one."""

import argparse
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from typing_extensions import override


class Parser(argparse.ArgumentParser):
    """Says what is nearest to a word that is no choice; its verbs do the same."""

    @override
    # Any: whatever the type of an argument makes of it.
    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        what = "command" if isinstance(action, argparse._SubParsersAction) else "choice"  # noqa: SLF001
        raise argparse.ArgumentError(
            action if what == "choice" else None,
            f"there is no {what} {value!r}{_instead(str(value), known)}",
        )

    def unknown(self, words: Sequence[str], given: Iterable[str]) -> NoReturn:
        """End because of words that no argument takes."""
        known = sorted(set(self._options(set(given))))
        near = next((_instead(word, known) for word in words if word.startswith("-")), "")
        self.error(f"unknown: {' '.join(words)}{near}")

    def _options(self, given: set[str]) -> Iterable[str]:
        """Give the options of the command, and of those of its verbs that were given."""
        for action in self._actions:
            yield from (option for option in action.option_strings if option.startswith("--"))
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
                for name, verb in action.choices.items():
                    if name in given and isinstance(verb, Parser):
                        yield from verb._options(given)  # noqa: SLF001


def _instead(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(known)}" if known else ""
