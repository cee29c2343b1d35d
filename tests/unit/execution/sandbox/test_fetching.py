"""The Python of the level wasm: one known file, and nobody else writes what is run of it."""

from pathlib import Path

import pytest

from agent_workers.execution.sandbox.python.wasm import NotFetched, compiled_at, fetch, why_no_wasm

pytest.importorskip("wasmtime")


def test_another_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    given, place = tmp_path / "other.wasm", tmp_path / "there" / "python.wasm"
    given.write_bytes(b"\0asm but not the one")
    with pytest.raises(NotFetched, match=r"other\.wasm is not the expected file"):
        fetch(place, given=given)
    assert list(place.parent.iterdir()) == []


def test_what_is_not_there_is_said_with_its_remedy(tmp_path: Path) -> None:
    assert "sandbox fetch" in why_no_wasm(tmp_path / "python.wasm")


def test_what_others_may_write_is_not_run(tmp_path: Path) -> None:
    compiled = compiled_at(tmp_path / "python.wasm")
    compiled.write_bytes(b"machine code")
    compiled.chmod(0o666)
    assert "other users can write to" in why_no_wasm(tmp_path / "python.wasm")
