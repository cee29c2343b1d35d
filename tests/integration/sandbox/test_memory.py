"""The memory of a confined program: no way leads past its bound, and all processes share one."""

import json
import shutil
import subprocess
import sys
from datetime import timedelta

import pytest

from agent_workers.domain.step import Broke
from agent_workers.execution.sandbox import isolated
from agent_workers.execution.sandbox.confining.confined import Boundary, confine
from agent_workers.execution.sandbox.confining.processes import Ended, run_bounded
from agent_workers.execution.sandbox.ports import MIB
from tests.integration.sandbox import isolated_tools as tools
from tests.integration.sandbox.test_isolated import run
from tests.support.boundaries import needs_a_boundary

_PYTHON = "/usr/bin/python3"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these bounds are those of Linux")

# Prints the names of the memory that it got, of kinds that RLIMIT_DATA does not count.
WAYS = """
import ctypes, json, mmap, os, resource
libc = ctypes.CDLL(None)

def numbered(number, remove):
    if number < 0:
        raise OSError("no number")
    remove(number, 0, None)

def maps_zeroes():
    zeroes = os.open("/dev/zero", os.O_RDWR)
    mmap.mmap(zeroes, 4096, flags=mmap.MAP_SHARED)

ways = {
    "shared with nobody": lambda: mmap.mmap(-1, 4096),
    "a file in memory": lambda: os.memfd_create("x"),
    "a stack that grows": lambda: mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100),
    "zeroes": maps_zeroes,
    "under a number": lambda: numbered(libc.shmget(0, 4096, 0o1600), libc.shmctl),
    "messages under a number": lambda: numbered(libc.msgget(0, 0o1600), libc.msgctl),
    "its own stack": lambda: resource.setrlimit(resource.RLIMIT_STACK, (1 << 30, 1 << 30)),
}
got = []
for name, way in ways.items():
    try:
        way()
        got.append(name)
    except (OSError, ValueError):
        pass
print(json.dumps(got))
"""
# Each of its children has a part of its own, and all that it has itself.
FAMILY = """
import os, sys, time
own, part, children, quiet = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
kept = b"x" * (own << 20)
for _ in range(children):
    if os.fork() == 0:
        parts = b"x" * (part << 20)
        time.sleep(1 if part == 0 else 60)
        os._exit(0)
if quiet == "quiet":
    for pipe in (0, 1, 2):
        os.close(pipe)
for _ in range(children):
    os.wait()
"""
# As servers of node do: threads, memory that they share, another program.
NODE = """
const {Worker} = require('worker_threads');
const shared = new WebAssembly.Memory({initial: 1, maximum: 9, shared: true});
new Worker('require("worker_threads").workerData[0] = 42', {eval: true, workerData: new Uint8Array(shared.buffer)})
  .on('exit', () => console.log(new Uint8Array(shared.buffer)[0], String(require('child_process').execFileSync('/bin/echo', ['ran']))));
"""


def test_there_is_no_memory_that_no_limit_counts(boundary: Boundary) -> None:
    ended = confined_run(boundary, [_PYTHON, "-I", "-c", WAYS])
    assert json.loads(ended.output) == [], ended.said


def test_outside_of_a_boundary_all_of_it_is_to_be_had() -> None:
    ran = subprocess.run([_PYTHON, "-I", "-c", WAYS], capture_output=True, check=True)
    assert len(json.loads(ran.stdout)) == 7, ran.stdout


@pytest.mark.parametrize("pipes", ["open", "quiet"])
def test_a_program_and_its_children_have_one_bound(boundary: Boundary, pipes: str) -> None:
    ended = family(boundary, own=0, part=30, children=4, pipes=pipes)
    assert ended.too_much_memory
    assert not ended.timed_out


def test_memory_that_children_have_of_their_parent_counts_once(boundary: Boundary) -> None:
    ended = family(boundary, own=50, part=0, children=4, pipes="open")
    assert (ended.code, ended.too_much_memory) == (0, False), ended.said


@needs_a_boundary
def test_a_tool_whose_children_use_its_memory_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "_MEMORY", 192 * MIB)
    ran = run(tools.swarm)
    assert isinstance(ran, Broke), ran
    assert (ran.code, ran.retryable) == ("tool_died", False)
    assert "more than 192 MiB of memory" in ran.message


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_program_of_node_runs(boundary: Boundary) -> None:
    ended = confined_run(boundary, ["node", "-e", NODE])
    assert ended.output == b"42 ran\n\n", ended.said


def family(boundary: Boundary, *, own: int, part: int, children: int, pipes: str) -> Ended:
    words = [_PYTHON, "-I", "-c", FAMILY, *map(str, (own, part, children)), pipes]
    return confined_run(boundary, words, memory=90 * MIB)


def confined_run(boundary: Boundary, words: list[str], memory: int | None = None) -> Ended:
    confined = confine(words, boundary=boundary)
    return run_bounded(
        confined.argv,
        confined.environment,
        given=b"",
        most=9_999,
        wall=timedelta(seconds=30),
        memory=memory,
    )
