"""What `/docs` ships from Swagger UI is what npm's package has, with its licence."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import api.docs_page

PLACE = Path(api.docs_page.__file__).parent / "swagger-ui"
MANIFEST: dict[str, Any] = json.loads((PLACE / "manifest.json").read_text())


@pytest.mark.parametrize("name", MANIFEST["sha256"])
def test_a_vendored_file_is_the_one_of_the_manifest(name: str) -> None:
    packed = PLACE / f"{name}.gz"
    content = (
        gzip.decompress(packed.read_bytes()) if packed.exists() else (PLACE / name).read_bytes()
    )
    assert hashlib.sha256(content).hexdigest() == MANIFEST["sha256"][name]


def test_nothing_is_vendored_that_the_manifest_does_not_name() -> None:
    found = {path.name.removesuffix(".gz") for path in PLACE.iterdir()}
    assert found == {*MANIFEST["sha256"], "manifest.json"}


def test_the_licence_ships_with_it() -> None:
    assert MANIFEST["license"] == "Apache-2.0"
    assert "Apache License" in (PLACE / "LICENSE").read_text()
    assert (PLACE / "NOTICE").read_text().strip()
    assert (PLACE / "swagger-ui-bundle.js.LICENSE.txt").read_text().strip()
