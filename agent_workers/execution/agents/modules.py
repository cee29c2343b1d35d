"""Finds what users wrote: modules by name, whole packages, and what installed packages offer."""

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Final

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.errors import AgentWorkersError, Misdeclared
from agent_workers.domain.tools.tool import Tool
from agent_workers.domain.tracing import trouble_of

# Packages that bring tools name modules, or tools in them, under this group.
GROUP: Final = "agent_workers.tools"
_WHOLE = ".*"


def imported(name: str, *, named_by: str = "AGENT_TOOLS") -> ModuleType:
    """Import a user's module."""
    if name.endswith(".py"):
        module = name.removesuffix(".py").removeprefix("./").replace("/", ".")
        raise Misdeclared(f"{named_by} names the file {name!r}: name its module, {module!r}")
    # A newcomer's tools lie in the folder they stand in, which a console script does not search.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        said = f"no module named {error.name!r} ({named_by} names {name!r})"
        if f"{name}.".startswith(f"{error.name}."):
            nowhere = ": it is neither in this folder nor installed"
            raise Misdeclared(f"{said}{_shadowed(name) or nowhere}") from error
        raise Misdeclared(f"{said}{_place_of(error)}") from error
    except Misdeclared as error:
        raise Misdeclared(f"{error}{_place_of(error)}") from error
    except AgentWorkersError:
        raise
    # A module that calls sys.exit() would end the program that only wanted to load it.
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {error}{_place_of(error)}"
        raise Misdeclared(f"{named_by} names {name!r}, which cannot be imported: {said}") from error


def _place_of(error: BaseException) -> str:
    """Say which line of the user's raised it; a syntax error says that itself."""
    where = "" if isinstance(error, SyntaxError) else trouble_of(error).where
    return f" ({where.partition(' in ')[0]})" if where else ""


def modules_of(names: Iterable[str]) -> Iterator[ModuleType]:
    """Import modules in order; `package.*` is a package with all that is in it.

    Of a whole package, what begins with an underscore is left out.
    """
    for name in names:
        module = imported(name.removesuffix(_WHOLE))
        if name.endswith(_WHOLE) and not hasattr(module, "__path__"):
            raise Misdeclared(
                f"AGENT_TOOLS names {name!r}, and {module.__name__!r} is not a package"
            )
        found = list(_within(module)) if name.endswith(_WHOLE) else [module]
        if not any(_declares(one) for one in found):
            raise Misdeclared(_nothing_in(module, name))
        yield from found


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


def _declares(module: ModuleType) -> bool:
    return any(isinstance(value, Agent | Tool) for value in vars(module).values())


def _nothing_in(module: ModuleType, name: str) -> str:
    kind, remedy = (
        "module",
        "declare one there with `Agent(…)` or `@tool`, or do not name the module",
    )
    if hasattr(module, "__path__"):
        kind, whole = "package", f"{module.__name__}{_WHOLE}"
        remedy = remedy if name == whole else f"name {whole!r} to load the modules in it"
    file = getattr(module, "__file__", None) or "built into Python"
    said = f"{kind} {module.__name__!r} ({file}) declares no agent and no tool at its top level"
    return f"{said}{_shadowed(module.__name__) or f'; {remedy}'}"


def _shadowed(name: str) -> str:
    """Say which file of the current folder was meant, where Python has another one of its name."""
    first, meant = name.partition(".")[0], Path(*name.split("."))
    here = meant.with_suffix(".py").is_file() or (meant / "__init__.py").is_file()
    own = Path(f"{first}.py") if Path(f"{first}.py").is_file() else Path(first)
    file = getattr(sys.modules.get(first), "__file__", None)
    if not here or (file is not None and Path(file).is_relative_to(own.absolute())):
        return ""
    library = "the standard library has a module of that name"
    other = "Python finds another module of that name first"
    why = library if first in sys.stdlib_module_names else other
    return f"; rename ./{own}: {why}"


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
