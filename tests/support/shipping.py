"""Builds what is shipped as a packager does: an sdist, and the wheel from the unpacked sdist."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.repository import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    wheel: Path
    unpacked: Path  # the folder of the sdist


def build(folder: Path, source: Path = ROOT) -> Built:
    _hatchling("sdist", source, folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        packed.extractall(folder, filter="data")
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    _hatchling("wheel", unpacked, folder)
    (wheel,) = folder.glob("*.whl")
    return Built(wheel=wheel, unpacked=unpacked)


def install(wheel: Path, extra: str, environment: Path) -> Path:
    """Install the wheel into a new environment, offline; return the environment's programs.

    What the lock pins is linked from our own environment, so nothing is unpacked a second time.
    uv then looks whether that is all that the wheel asks for: it may fetch nothing.
    """
    _uv("venv", "--python", sys.executable, environment)
    (packages,) = environment.glob("lib/python*/site-packages")
    for entry in _locked_entries(ROOT / f"requirements-{extra}.lock"):
        if entry.suffix == ".dist-info":
            # uv sees no package in a linked one.
            shutil.copytree(entry, packages / entry.name)
        else:
            (packages / entry.name).symlink_to(entry)
    python = environment / "bin" / "python"
    _uv("pip", "install", "--no-index", "--python", python, f"{wheel}[{extra}]")
    return environment / "bin"


def _locked_entries(lock: Path) -> Iterator[Path]:
    pins = re.findall(r"^[a-z0-9].*?(?= \\$)", lock.read_text(), re.MULTILINE)
    for pin in map(Requirement, pins):
        if pin.marker is None or pin.marker.evaluate():
            yield from _entries_of(importlib.metadata.distribution(pin.name))


def _entries_of(package: importlib.metadata.Distribution) -> set[Path]:
    """Return its files and folders beside other packages; scripts and caches are not needed."""
    tops = {Path(file).parts[0] for file in package.files or ()} - {"..", "__pycache__"}
    return {Path(str(package.locate_file(top))) for top in tops}


def _hatchling(target: str, source: Path, folder: Path) -> None:
    command = ("-m", "hatchling", "build", "--target", target, "--directory", folder)
    subprocess.run([sys.executable, *command], cwd=source, check=True, capture_output=True)


def _uv(*arguments: str | Path) -> None:
    command = (sys.executable, "-m", "uv", "--quiet", "--offline", "--no-config", "--no-cache")
    ran = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
