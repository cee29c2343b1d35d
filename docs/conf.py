"""How Sphinx builds the site of the documentation: `make docs`."""

import tomllib
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent

project = "agent_workers"
author = "The agent_workers authors"
copyright = author
release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

# The source folder is the repository, so a link works the same on the site and in the files.
root_doc = "README"
include_patterns = ["*.md", "docs/**.md", "examples/*.md", "examples/*/README.md"]
exclude_patterns = ["[.]*", "agent_workers", "api", "build", "dist", "migrations", "tests"]
extensions = ["myst_parser"]
myst_heading_anchors = 4
nitpicky = True
# A "…" in a snippet is no word of its language; tests/unit/shipping/test_snippets.py reads snippets.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"agent_workers {release}"
html_copy_source = False
html_show_sourcelink = False
html_extra_path = ["site"]  # index.html, which leads to the README

# The four kinds of https://diataxis.fr, and what is for those who change the project. In the
# files themselves a table of contents would stand in the way of whoever reads them as text.
CONTENTS = {
    "README": {
        "Tutorials": "docs/tutorial docs/quickstart docs/nightly-batch examples/README",
        "How-to: agents": (
            "docs/agents docs/planner docs/evaluator docs/models docs/models-providers"
            " docs/multi-agent docs/sessions docs/memory docs/testing"
        ),
        "How-to: tools": (
            "docs/tools docs/tools-builtin docs/mcp docs/sandbox docs/workspace docs/knowledge"
        ),
        "How-to: start jobs": "docs/schedules docs/batches docs/events docs/webhooks",
        "How-to: run it": "docs/deploying docs/operating docs/celery docs/troubleshooting",
        "Reference": (
            "docs/reference/cli docs/api docs/reference/http docs/configuration docs/errors"
            " docs/glossary"
        ),
        "Explanation": "ARCHITECTURE GUARANTEES docs/recovery docs/security docs/proof docs/speed",
        "The project": "CONTRIBUTING docs/decisions/README CHANGELOG SECURITY",
    },
    "docs/decisions/README": {"": "docs/decisions/[0-9]*"},
    "examples/README": {"": "examples/*/README"},
}


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_contents)


def add_contents(_: Sphinx, document: str, source: list[str]) -> None:
    for caption, pages in CONTENTS.get(document, {}).items():
        options = [":hidden:", f":caption: {caption}"] if caption else [":maxdepth: 1"]
        places = [f"/{page}" for page in pages.split()]
        source[0] += "\n".join(("", "```{toctree}", ":glob:", *options, "", *places, "```", ""))
