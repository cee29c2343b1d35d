"""The site of the documentation builds, strictly, and its pages load nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.repository import ROOT

LOST = ("docs/lost_page.md", "docs/tutorial.md#lost_heading", "tools/lost_file.py", "#lost_anchor")
PAGES = ("*.md", "docs/**/*.md", "docs/conf.py", "docs/site/*", "examples/**/*", "pyproject.toml")
LOADED = re.compile(r"""(?:\bsrc=|<link\b[^>]*\bhref=|@import\s|\burl\()["']?(?:https?:)?//""")


def test_the_site_builds_without_a_warning_and_needs_no_other_host(tmp_path: Path) -> None:
    built = sphinx(ROOT, "html", tmp_path)

    assert built.returncode == 0, built.stderr
    texts = {
        path: path.read_text() for path in tmp_path.rglob("*") if path.suffix in {".html", ".css"}
    }
    assert tmp_path / "docs" / "tutorial.html" in texts
    assert [path.name for path, text in texts.items() if LOADED.search(text)] == []


def test_each_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    for path in (path for pattern in PAGES for path in ROOT.glob(pattern) if path.is_file()):
        copy = tmp_path / "source" / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    page = tmp_path / "source" / "SECURITY.md"
    page.write_text("\n\n".join((page.read_text(), *(f"[nowhere]({lost})" for lost in LOST))))

    built = sphinx(tmp_path / "source", "dummy", tmp_path / "built")

    said = [line for line in built.stderr.splitlines() if "SECURITY.md" in line]
    assert built.returncode == 1
    assert [
        lost for lost in LOST if not any(lost.rpartition("#")[2] in line for line in said)
    ] == []


def sphinx(source: Path, builder: str, output: Path) -> subprocess.CompletedProcess[str]:
    options = (
        "-b",
        builder,
        "-c",
        source / "docs",
        "-d",
        output / "read",
        "-W",
        "--keep-going",
        "-q",
    )
    command = (sys.executable, "-m", "sphinx", *options, source, output)
    return subprocess.run(command, capture_output=True, text=True, check=False)
