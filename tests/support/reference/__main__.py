"""Writes the generated pages: `make reference`."""

from tests.support.reference.pages import PAGES

for path, made in PAGES.items():
    path.write_text(made())
