"""The data folder of one system: its secrets, its logs, its records, and what it runs on."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Others may pass through (root's Postgres runs as somebody else), not look around.
_PASSAGE = 0o711
_SECRET = 0o600


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Everything that `up` keeps between two starts lies here."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def redis(self) -> Path:
        return self.path / "redis"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def records(self) -> Path:
        return self.path / "run"

    def make(self) -> None:
        for folder in (self.path, self.logs, self.records):
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(_PASSAGE)

    def secret(self, name: str) -> str:
        """Return a secret of this system, made when it is first asked for."""
        known = self.read(name)
        if not known:
            known = secrets.token_urlsafe(24)
            self.write(name, known)
        return known

    def read(self, name: str) -> str:
        try:
            return (self.path / name).read_text().strip()
        except FileNotFoundError:
            return ""

    def write(self, name: str, text: str) -> None:
        """Write what nobody else may read, whole or not at all."""
        fresh = self.path / f"{name}.new"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _SECRET)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        fresh.replace(self.path / name)

    def tell_surroundings(self, variables: Mapping[str, str]) -> None:
        """Leave word of where everything is, for commands that are run beside us."""
        self.write("running.json", json.dumps(dict(variables), indent=1))

    def forget_surroundings(self) -> None:
        (self.path / "running.json").unlink(missing_ok=True)

    def surroundings(self) -> dict[str, str]:
        """Return the variables of the system that runs in this folder; none when none does."""
        try:
            found: dict[str, str] = json.loads(self.read("running.json") or "{}")
        except ValueError:
            return {}
        return found
