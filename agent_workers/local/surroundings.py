"""Where a command finds its system: in AGENT_* variables, or in the folder where `up` runs."""

import argparse
import os
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from agent_workers.local.folder import DataFolder
from agent_workers.settings import PREFIX, Settings, load_settings
from agent_workers.terminal.errors import WronglyAsked

API_URL = f"{PREFIX}API_URL"
API_KEY = f"{PREFIX}API_KEY"
DATABASE_URL = f"{PREFIX}DATABASE_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPlace:
    """An API, and the key to it."""

    url: str
    key: str


def add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder", type=Path, help="the data folder of `up` (AGENT_DATA_FOLDER, .agent-workers)"
    )


def add_api(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)
    parser.add_argument("--api-url", help=f"{API_URL}; by default what `up` serves here")
    parser.add_argument("--api-key", help=f"{API_KEY}; by default the key that `up` made")


def data_folder(arguments: argparse.Namespace) -> DataFolder:
    given: Path | None = getattr(arguments, "folder", None)
    return DataFolder((given or load_settings().data_folder).absolute())


def settings_here(arguments: argparse.Namespace) -> Settings:
    """Read the settings; where no server is named, those of the system that runs in the folder."""
    said = said_here(arguments)
    return load_settings(**{name.lower(): value for name, value in said.items()})


def system_here(arguments: argparse.Namespace, *names: str) -> Settings:
    """Read the settings as `settings_here` does, and refuse to go on without a database, or `names`."""
    settings = settings_here(arguments)
    if not settings.database_url:
        named = "--folder" if hasattr(arguments, "folder") else f"{PREFIX}DATA_FOLDER"
        raise WronglyAsked(
            f"{DATABASE_URL} is not set: set it, or start a system with `agent-workers up` in this "
            f"folder (nothing runs in {str(data_folder(arguments).path)!r}), or name the folder of "
            f"one that runs with {named}"
        )
    settings.demand(*names)
    return settings


def said_here(arguments: argparse.Namespace) -> dict[str, str]:
    """Return what the system that runs in the folder adds to our variables, by bare names."""
    settings = load_settings()
    if settings.database_url or settings.broker_url:
        return {}
    known = data_folder(arguments).surroundings()
    names = [name.upper() for name in Settings.model_fields]
    return {
        name: known[PREFIX + name]
        for name in names
        if PREFIX + name in known and PREFIX + name not in os.environ
    }


def api_here(arguments: argparse.Namespace) -> ApiPlace:
    """Find the API: named on the command line, in a variable, or running in the folder."""
    folder = data_folder(arguments)
    known = folder.surroundings()
    url = arguments.api_url or os.environ.get(API_URL) or known.get(API_URL, "")
    key = arguments.api_key or os.environ.get(API_KEY) or folder.read("api_key")
    if not url:
        raise WronglyAsked(
            f"no API: start one with `agent-workers up` in this folder (nothing runs in "
            f"{str(folder.path)!r}), or set {API_URL} and {API_KEY}, or give --api-url and --api-key"
        )
    if not key:
        raise WronglyAsked(
            f"no API key for {url}: set {API_KEY} or give --api-key "
            "(`agent-workers keys create --name NAME` makes a key)"
        )
    return ApiPlace(url=url.rstrip("/"), key=key)


def is_live(url: str) -> bool:
    """Say whether an API answers there."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.netloc, timeout=2)) as connection:
        try:
            connection.request("GET", f"{parts.path}/health/live")
            return connection.getresponse().status == 200  # noqa: PLR2004 (OK)
        except (OSError, HTTPException):
            return False
