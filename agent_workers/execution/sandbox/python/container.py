"""CPython in a container of its own, where an engine answers: docker or podman."""

import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final
from uuid import uuid4

from agent_workers.execution.sandbox.confining.processes import run_bounded
from agent_workers.execution.sandbox.ports import Bounds, NoBoundary, Program, Ran, Refused
from agent_workers.execution.sandbox.python.answers import longest, ran
from agent_workers.execution.sandbox.python.cpython import request_of, runner, wall_of

_ENGINES: Final = ("docker", "podman")
# Nobody in any image.
_USER: Final = "65534:65534"
_PATH: Final[Mapping[str, str]] = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
_ASK_S: Final = 10
# The engine makes the container within the time, too.
_STARTING: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """Runs programs in the Python of an image that is there already: nothing is pulled."""

    image: str
    engine: str

    @property
    def name(self) -> str:
        return "container"

    def run(self, program: Program, bounds: Bounds) -> Ran:
        given = request_of(program, bounds)
        if isinstance(given, Refused):
            return given
        called = f"agent-workers-{uuid4().hex}"
        argv = command_line(self.engine, self.image, called, bounds)
        try:
            ended = run_bounded(
                argv, _PATH, given=given, most=longest(bounds), wall=wall_of(bounds) + _STARTING
            )
        finally:
            _end(self.engine, called)
        return ran(ended, bounds)


def _end(engine: str, called: str) -> None:
    """End a container, too, even one that was made and never started: its command's end does not."""
    kill = [engine, "rm", "--force", called]
    # It has its own bound of processor time; an engine that hangs must not hold a worker.
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(kill, env=_PATH, capture_output=True, timeout=_ASK_S, check=False)


def command_line(engine: str, image: str, called: str, bounds: Bounds) -> list[str]:
    """Return what starts one container: no network, no rights, nothing writable but /tmp."""
    seconds = int(wall_of(bounds).total_seconds())
    return [
        engine,
        *("run", "--rm", "--interactive", "--name", called, "--pull", "never"),
        *("--network", "none", "--read-only", "--user", _USER, "--workdir", "/tmp"),  # noqa: S108
        *("--tmpfs", f"/tmp:rw,noexec,nosuid,size={bounds.disk}"),  # noqa: S108
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--ipc", "none"),
        *("--memory", str(bounds.memory), "--memory-swap", str(bounds.memory)),
        *("--pids-limit", str(max(bounds.processes, 16)), "--cpus", "1"),
        *("--ulimit", f"nofile={bounds.files}", "--ulimit", "core=0"),
        *("--ulimit", f"cpu={seconds}", "--log-driver", "none", "--entrypoint", "python3"),
        *(image, "-I", "-S", "-X", "utf8", "-c", runner()),
    ]


@lru_cache(maxsize=4)
def engine_with(image: str) -> str:
    """Find an engine that answers and has the image; raises `NoBoundary`."""
    wrong = "there is neither docker nor podman on this machine"
    for engine in filter(shutil.which, _ENGINES):
        wrong = _why_not(engine, image)
        if not wrong:
            return engine
    raise NoBoundary(wrong)


def _why_not(engine: str, image: str) -> str:
    try:
        asked = subprocess.run(
            [engine, "image", "inspect", image], capture_output=True, timeout=_ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{engine} does not answer: {error}"
    if asked.returncode == 0:
        return ""
    said = asked.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"{engine} cannot show the image {image!r}: {' '.join(said[-1:])}"
