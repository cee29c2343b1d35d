"""The command line of the container level: no network, no rights, everything bounded."""

from datetime import timedelta
from pathlib import Path

import pytest

from agent_workers.execution.sandbox.ports import MIB, Bounds, Died, Program
from agent_workers.execution.sandbox.python.container import Container, command_line

BOUNDS = Bounds(wall=timedelta(seconds=7), memory=64 * MIB, disk=8 * MIB, files=32)


@pytest.mark.parametrize(
    "words",
    [
        "--network none",
        "--read-only",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--user 65534:65534",
        "--pull never",
        "--rm",
        f"--memory {64 * MIB} --memory-swap {64 * MIB}",
        "--pids-limit 16",
        "--ulimit nofile=32",
        "--ulimit cpu=7",
        f"--tmpfs /tmp:rw,noexec,nosuid,size={8 * MIB}",
        "--entrypoint python3 python:3.12-slim -I -S",
    ],
)
def test_it_says_everything_that_makes_it_a_boundary(words: str) -> None:
    line = command_line("docker", "python:3.12-slim", "one", BOUNDS)
    assert words in " ".join(line[:-1])


def test_nothing_of_this_machine_is_in_it() -> None:
    line = command_line("docker", "python:3.12-slim", "one", BOUNDS)
    assert not {"--volume", "-v", "--mount", "--env", "-e", "--privileged"} & set(line)


def test_a_container_that_was_made_is_removed_even_if_it_never_started(tmp_path: Path) -> None:
    engine, asked = tmp_path / "docker", tmp_path / "asked"
    engine.write_text(f'#!/bin/sh\necho "$@" >> {asked}\nexit 125\n')
    engine.chmod(0o700)
    ran = Container(image="python:3.12-slim", engine=str(engine)).run(Program(source=""), BOUNDS)
    assert isinstance(ran, Died)
    name = asked.read_text().partition("--name ")[2].partition(" ")[0]
    assert asked.read_text().splitlines()[-1] == f"rm --force {name}"
