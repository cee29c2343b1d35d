"""Finds what users wrote: modules by name, whole packages, and what installed packages offer."""

import importlib
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Final

from agent_workers.domain.errors import AgentWorkersError, Misdeclared
from agent_workers.domain.tool import Tool

# Packages that bring tools name modules, or tools in them, under this group.
GROUP: Final = "agent_workers.tools"
_WHOLE = ".*"


def imported(name: str, *, named_by: str = "AGENT_TOOLS") -> ModuleType:
    """Import a user's module."""
    # A newcomer's tools lie in the folder they stand in, which a console script does not search.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise Misdeclared(f"no module named {error.name!r} ({named_by} names {name!r})") from error
    except AgentWorkersError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}{_place_of(error)}"
        raise Misdeclared(f"{named_by} names {name!r}, which cannot be imported: {said}") from error


def _place_of(error: Exception) -> str:
    """Say where it was raised; a syntax error says that itself."""
    if isinstance(error, SyntaxError):
        return ""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename[:1] != "<"]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"


def modules_of(names: Iterable[str]) -> Iterator[ModuleType]:
    """Import modules in order; `package.*` is a package with all that is in it.

    Of a whole package, what begins with an underscore is left out.
    """
    for name in names:
        if not name.endswith(_WHOLE):
            yield imported(name)
            continue
        package = imported(name.removesuffix(_WHOLE))
        if not hasattr(package, "__path__"):
            raise Misdeclared(f"AGENT_TOOLS names {name!r}, and {package.__name__!r} is no package")
        yield from _within(package)


def installed_tools(found: Iterable[EntryPoint] | None = None) -> tuple[Tool, ...]:
    """Return the tools that installed packages offer under the group `agent_workers.tools`."""
    offered = entry_points(group=GROUP) if found is None else found
    in_order = sorted(offered, key=lambda one: (one.value, one.name))
    return tuple({id(tool): tool for one in in_order for tool in _offered(one)}.values())


def _within(package: ModuleType) -> Iterator[ModuleType]:
    """Walk by hand: `pkgutil.walk_packages` hides what fails to import."""
    yield package
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        if found.name.startswith("_"):
            continue
        module = imported(f"{package.__name__}.{found.name}")
        if found.ispkg:
            yield from _within(module)
        else:
            yield module


def _offered(one: EntryPoint) -> list[Tool]:
    of = f" of {one.dist.name}" if one.dist is not None else ""
    named = f"entry point {one.name!r}{of} ({GROUP})"
    try:
        value: object = one.load()
    except Exception as error:
        raise Misdeclared(f"{named}: {one.value!r} cannot be loaded: {error}") from error
    if isinstance(value, Tool):
        return [value]
    if isinstance(value, ModuleType):
        return [tool for tool in vars(value).values() if isinstance(tool, Tool)]
    if isinstance(value, list | tuple) and all(isinstance(tool, Tool) for tool in value):
        return list(value)
    raise Misdeclared(f"{named}: {one.value!r} is neither a module, a tool nor a list of tools")
