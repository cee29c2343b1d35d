"""Programs that want the worker down: each ends in a clear outcome."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from agent_workers.execution.sandbox.ports import (
    Bounds,
    Died,
    Finished,
    OutOfMemory,
    Raised,
    Ran,
    Refused,
    Sandbox,
    TimedOut,
    TooMuchOutput,
)
from tests.integration.sandbox.conftest import BOUNDS, SHORT, SOON, level, run


def test_an_endless_loop_ends(sandbox: Sandbox) -> None:
    assert run(sandbox, "while True: pass", SOON) == TimedOut(SHORT)


def test_a_program_that_used_up_its_processor_time_is_told_so() -> None:
    bounds = Bounds(wall=BOUNDS.wall, cpu=timedelta(seconds=1), output=BOUNDS.output)
    assert isinstance(run(level("process"), "while True: pass", bounds), TimedOut)


def test_monty_leaves_no_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    if sys.platform != "linux":
        pytest.skip("it is a file in memory on Linux only")
    assert isinstance(run(level("monty"), "result = 1"), Finished)


def test_ten_gigabytes_are_not_to_be_had(sandbox: Sandbox) -> None:
    ran = run(sandbox, "kept = []\nfor _ in range(10_000): kept.append('x' * 1_000_000)")
    assert ran == OutOfMemory(BOUNDS.memory)


def test_a_fork_bomb_has_no_second_process(sandbox: Sandbox) -> None:
    assert isinstance(run(sandbox, "import os\nwhile True: os.fork()"), Raised)


def test_not_even_one_process_is_started(cpython: Sandbox) -> None:
    ran = run(cpython, "import os\nos.fork()")
    assert isinstance(ran, Raised)
    assert ran.error == "PermissionError"


def test_output_without_end_ends(sandbox: Sandbox) -> None:
    ran = run(sandbox, "for _ in range(2_000): print('x' * 1_000)")
    assert ran == TooMuchOutput(BOUNDS.output)


def test_a_result_that_is_too_long_is_not_taken(sandbox: Sandbox) -> None:
    ran = run(sandbox, "result = 'x' * 1_000_000")
    assert isinstance(ran, TooMuchOutput)


def test_lists_that_contain_one_another_do_not_fill_the_workers_memory(sandbox: Sandbox) -> None:
    ran = run(sandbox, "result = 0\nfor _ in range(9): result = [result] * 10", SOON)
    assert isinstance(ran, OutOfMemory | TooMuchOutput | TimedOut | Died), ran


def test_a_result_nested_too_deeply_is_not_taken(sandbox: Sandbox) -> None:
    assert isinstance(run(sandbox, "result = []\nfor _ in range(150): result = [result]"), Raised)


@pytest.mark.parametrize("value", ["float('nan')", "1e400", "2**70", "{(1, 2): 3}", "object"])
def test_a_result_that_is_no_json_is_not_taken(value: str) -> None:
    from_process = run(level("process"), f"result = {value}")
    assert isinstance(from_process, Raised), from_process


def test_deep_recursion_ends(sandbox: Sandbox) -> None:
    assert isinstance(run(sandbox, "def f(): f()\nf()"), Raised | Died)


def test_a_program_nested_too_deeply_ends(sandbox: Sandbox) -> None:
    ran = run(sandbox, "x = " + "(" * 20_000 + ")" * 20_000)
    assert isinstance(ran, Raised | Died | OutOfMemory), ran


def test_an_interpreter_that_dies_is_told(cpython: Sandbox) -> None:
    ran = run(cpython, "import ctypes\nctypes.string_at(0)")
    assert ran == Died("ended by SIGSEGV")


def test_one_that_leaves_without_a_word_is_told(cpython: Sandbox) -> None:
    assert run(cpython, "import os\nos._exit(0)") == Died("it ended without an answer")


@pytest.mark.parametrize(
    "forged",
    [
        b"[" * 100_000,
        b'{"ended": "finished", "value": 1e999}',
        b'{"ended": "finished", "value": ' + b"9" * 5_000 + b"}",
        b'{"ended": "finished", "printed": [1]}',
        b"[1]",
        b"\xff\xfe",
    ],
    ids=["deep", "infinite", "digits", "shape", "kind", "bytes"],
)
def test_an_answer_of_its_own_is_read_as_what_it_is(forged: bytes) -> None:
    source = f"import os\nos.write(1, bytes.fromhex('{forged.hex()}'))\nos._exit(0)"
    assert isinstance(run(level("process"), source), Died | Raised)


def test_half_a_character_is_not_taken_on() -> None:
    source = "print('\\ud800')\nresult = {'\\ud801': ['\\udfff']}"
    assert run(level("process"), source) == Finished(value={"?": ["?"]}, printed="?\n")


def test_forged_words_are_cut() -> None:
    forged = '{"ended": "raised", "error": "E", "printed": "", "message": "' + "x" * 50_000 + '"}'
    source = f"import os\nos.write(1, b'{forged}')\nos._exit(0)"
    ran = run(level("process"), source)
    assert isinstance(ran, Raised)
    assert len(ran.message) == 2_000


def test_a_flood_past_the_runner_is_cut(cpython: Sandbox) -> None:
    flood = "import os\nwhile True: os.write(1, b'x' * 65_536)"
    assert run(cpython, flood) == TooMuchOutput(BOUNDS.output)


def test_a_compressed_bomb_stays_inside(cpython: Sandbox) -> None:
    source = "import zlib\nbomb = zlib.compress(bytes(1 << 24), 1)\nx = [zlib.decompress(bomb) for _ in range(99)]"
    assert run(cpython, source) == OutOfMemory(BOUNDS.memory)


def test_its_disk_is_small(cpython: Sandbox) -> None:
    source = "with open('/tmp/x', 'wb') as file:\n for _ in range(99): file.write(bytes(1 << 20))"
    assert isinstance(run(cpython, source), Raised)


def test_no_thread_goes_on_without_end(cpython: Sandbox) -> None:
    source = (
        "import threading, time\n"
        "for _ in range(500): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()"
    )
    assert isinstance(run(cpython, source), Raised | OutOfMemory)


def test_what_is_given_is_found_and_what_is_left_is_returned(sandbox: Sandbox) -> None:
    ran = run(sandbox, "print('so', n)\nresult = {'twice': [n * 2]}", given={"n": 21})
    assert ran == Finished(value={"twice": [42]}, printed="so 21\n")


def test_an_error_is_told_with_what_was_printed(sandbox: Sandbox) -> None:
    ran: Ran = run(sandbox, "print('before')\n1 / 0")
    assert isinstance(ran, Raised)
    assert (ran.error, ran.printed) == ("ZeroDivisionError", "before\n")


def test_source_that_is_too_long_is_refused(sandbox: Sandbox) -> None:
    assert isinstance(run(sandbox, "#" * 300_000), Refused)


def test_an_error_names_the_lines_of_the_program_that_led_to_it() -> None:
    ran = run(level("process"), "def half(n):\n    return n / 0\n\nhalf(2)")
    assert isinstance(ran, Raised)
    assert ran.way == (
        '  File "<program>", line 4, in <module>\n    half(2)\n'
        '  File "<program>", line 2, in half\n    return n / 0\n'
    )


def test_a_deep_way_to_an_error_is_short() -> None:
    ran = run(
        level("process"), "def down(n): return down(n + 1)  # " + "\\u00e9" * 300 + "\ndown(0)"
    )
    assert isinstance(ran, Raised)
    assert 500 < len(ran.way) <= 2_000
