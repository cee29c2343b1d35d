"""Which pages are made from the code, and by what."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.reference.cli import cli
from tests.support.reference.http import http
from tests.support.reference.settings import PAGE, settings
from tests.support.repository import ROOT

PAGES: Mapping[Path, Callable[[], str]] = {
    PAGE: settings,
    ROOT / "docs" / "reference" / "cli.md": cli,
    ROOT / "docs" / "reference" / "http.md": http,
}
