"""A folder of agents, as `up --with` takes it: what lies in it, and what each file is for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_workers.embedded.ports import LOOPBACK, free_port
from agent_workers.local.child import Program
from agent_workers.local.programs import PYTHON, environment
from agent_workers.settings import Settings
from agent_workers.terminal.errors import WronglyAsked

# Python files that declare agents, or tools that agents.yaml names.
_MODULES = ("agents", "tools")
_NEEDED = "agents.py, agents.yaml or tools.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsFolder:
    """Agents, their tools, the script of their offline model, and a stand-in for the world."""

    path: Path
    module: str
    port: int

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(f"{self.module}.{name}" for name in _MODULES if self._has(f"{name}.py"))

    @property
    def scenarios(self) -> tuple[Path, ...]:
        return (self.path / "scenario.yaml",) if self._has("scenario.yaml") else ()

    @property
    def definitions(self) -> tuple[Path, ...]:
        """The files to apply once the system runs."""
        return (self.path / "agents.yaml",) if self._has("agents.yaml") else ()

    @property
    def variables(self) -> dict[str, str]:
        """Where the stand-in for the world outside is: CUSTOMER_SUPPORT_URL, by the folder."""
        if not self._has("outside.py"):
            return {}
        name = re.sub(r"\W", "_", self.path.name).upper()
        return {f"{name}_URL": f"http://{LOOPBACK}:{self.port}"}

    def programs(self, variables: Mapping[str, str]) -> tuple[Program, ...]:
        if not self._has("outside.py"):
            return ()
        command = (PYTHON[0], str(self.path / "outside.py"), "--port", str(self.port))
        name = f"{self.path.name}-outside"
        return (Program(name=name, command=command, environment=environment(variables)),)

    def _has(self, name: str) -> bool:
        return (self.path / name).is_file()


def agents_folder(given: Path) -> AgentsFolder:
    """Look into a folder; its modules are named as they are imported from where we stand."""
    path = given.resolve()
    if not path.is_dir():
        raise WronglyAsked(f"--with {str(given)!r}: there is no such folder")
    if not path.is_relative_to(Path.cwd()) or path == Path.cwd():
        raise WronglyAsked(f"--with {str(given)!r}: give a folder below the current one")
    module = ".".join(path.relative_to(Path.cwd()).parts)
    found = AgentsFolder(path=path, module=module, port=free_port())
    if not (found.modules or found.definitions):
        raise WronglyAsked(f"--with {str(given)!r}: it has no {_NEEDED}")
    return found


def settings_with(settings: Settings, folders: Sequence[AgentsFolder]) -> Settings:
    """Add what the folders hold to what is set."""
    modules = tuple(module for folder in folders for module in folder.modules)
    scenarios = tuple(path for folder in folders for path in folder.scenarios)
    added = {"tools": settings.tools + modules, "scenario": settings.scenario + scenarios}
    return settings.model_copy(update=added)
