"""Makes .venv from a lock file, and does nothing when it already matches."""

import fcntl
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import NoReturn

from pip_progress import packages_in, run_pip

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.json"
LOCKS = {
    "embedded": (ROOT / "requirements-embedded.lock",),
    "dev": (ROOT / "requirements-dev.lock", ROOT / "requirements-docs.lock"),
}


def main(profile: str) -> None:
    started = time.monotonic()
    try:
        with LOCKS[profile][0].open() as lock:
            # Two `make` at once must not install into each other's half-made environment.
            fcntl.flock(lock, fcntl.LOCK_EX)
            changed = bring_up_to_date(_widest(profile))
    except PermissionError as error:
        _stop(f"cannot write {error.filename!r}: .venv belongs to another user; remove it first")
    if changed:
        print(f"setup: .venv is ready ({time.monotonic() - started:.0f} s)")


def bring_up_to_date(profile: str) -> bool:
    """Say whether anything had to be installed."""
    wanted = _fingerprint(profile)
    if _stamp().get(profile) == wanted and _python_works():
        return False
    if _moved() or not _python_works():
        _make_environment()
    STAMP.unlink(missing_ok=True)
    _install(profile)
    covered = ("embedded", "dev") if profile == "dev" else ("embedded",)
    fingerprints = {name: _fingerprint(name) for name in covered}
    STAMP.write_text(json.dumps({"folder": os.fspath(ROOT)} | fingerprints))
    return True


def _widest(profile: str) -> str:
    # Never fall back from the developer's environment because somebody ran the demo.
    return "dev" if "dev" in _stamp() else profile


def _fingerprint(profile: str) -> str:
    # The folder belongs to it: scripts and the editable install hold absolute paths.
    # Of pyproject.toml only what an installation sees: a new lint rule installs nothing.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    metadata = json.dumps([project["build-system"], project["project"], project["tool"]["hatch"]])
    parts = (*(lock.read_bytes() for lock in LOCKS[profile]), metadata.encode(), bytes(ROOT))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _moved() -> bool:
    # Every script in .venv/bin begins with the absolute path of the folder it was made in.
    return _stamp().get("folder", os.fspath(ROOT)) != os.fspath(ROOT)


def _stamp() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(STAMP.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _python_works() -> bool:
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        run = subprocess.run([_python(), "-c", check], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return run.returncode == 0


def _make_environment() -> None:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        minor = f"{sys.version_info.major}.{sys.version_info.minor}"
        _stop(
            f"{sys.executable} has no venv module "
            f"(Debian and Ubuntu: apt install python{minor}-venv)"
        )
    print(f"setup: making .venv with {sys.executable}", flush=True)
    if subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=False).returncode:
        _stop("python -m venv failed; its own message is above")


def _install(profile: str) -> None:
    for lock in LOCKS[profile]:
        total = packages_in(lock)
        print(f"setup: {total} packages from {lock.name}; the first time takes minutes", flush=True)
        _pip("--require-hashes", "--requirement", lock, total=total)
    print("setup: installing this folder", flush=True)
    # Built by the locked hatchling: nothing without a hash comes from the network.
    _pip("--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT, total=1)


def _pip(*arguments: str | Path, total: int) -> None:
    plain = ("--disable-pip-version-check", "--no-input", "--root-user-action=ignore")
    command = (_python(), "-m", "pip", "install", "--progress-bar=off", *plain, *arguments)
    if run_pip(command, folder=ROOT, total=total):
        _stop("pip failed; its own message is above (is the package index reachable?)")


def _python() -> str:
    return os.fspath(VENV / "bin" / "python")


def _stop(message: str) -> NoReturn:
    print(f"setup: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    chosen = " ".join(sys.argv[1:])
    if chosen not in LOCKS:
        _stop(f"usage: tools/setup {'|'.join(LOCKS)}")
    main(chosen)
