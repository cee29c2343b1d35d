"""Where in the user's files something is declared, as `FILE:LINE`."""

import inspect
import linecache
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any


def short_name(file: str, folder: str = "") -> str:
    """Name a file as whoever wrote it does: from that folder, or from where it is imported."""
    places = sorted(filter(os.path.isabs, sys.path), key=len, reverse=True)
    with suppress(FileNotFoundError):  # it may have been deleted under us
        places.insert(0, folder or str(Path.cwd()))
    for place in places:
        if Path(file).is_relative_to(place):
            return str(Path(file).relative_to(place))
    return file


# Any: the user's function, or another thing that can be called.
def line_of(function: Callable[..., Any]) -> str:
    """Return the file and line of a function; empty where it was not written in Python."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{short_name(code.co_filename)}:{code.co_firstlineno}" if code else ""


# Any: as above.
def place_of(function: Callable[..., Any]) -> str:
    """Return the line of a function, or its module and name."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return line_of(function) or f"{named.__module__}:{named.__qualname__}"


def place_in(module: ModuleType, name: str) -> str:
    """Return the line that gives a name of a module's top level its value, or the module."""
    file = getattr(module, "__file__", None) or ""
    given = re.compile(rf"{re.escape(name)}\s*[:=]")
    for number, line in enumerate(linecache.getlines(file), start=1):
        if given.match(line):
            return f"{short_name(file)}:{number}"
    return module.__name__
