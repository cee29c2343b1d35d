"""Whether the model of the effect protocol holds in every state, and breaks where it should."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.repository import ROOT

_MODEL = ROOT / "proof" / "effects.pml"
# It computes and waits for nobody: on a busy machine that takes minutes, and no state less.
_MOST_S = 900
# A key makes for many more states: its effects are searched to three claims, the others to four.
_WHOLE = [
    ("KEYED", 3),
    ("KEYED_BLIND", 3),
    ("RECONCILABLE", 4),
    ("UNSAFE", 4),
    ("TRANSACTIONAL", 4),
]
_BROKEN = [
    (1, "RECONCILABLE", "nobody proves the fence"),
    (1, "TRANSACTIONAL", "nobody proves the fence"),
    (2, "RECONCILABLE", "a look-up before it is quiet"),
    (3, "UNSAFE", "a person's no before it is quiet"),
    (4, "UNSAFE", "an unsafe effect tried again"),
    (5, "KEYED_BLIND", "a key for every attempt"),
    (6, "RECONCILABLE", "no kernel timer"),
    (6, "KEYED", "threads that outlive the key"),
    (7, "RECONCILABLE", "no settling time"),
    (8, "KEYED_BLIND", "a key used when it may be forgotten"),
    (9, "KEYED_BLIND", "a refused repeat taken for proof of the first"),
    (10, "UNSAFE", "silence taken for success"),
    (11, "UNSAFE", "evidence rolled back with the fence"),
    (12, "UNSAFE", "an end that is not final"),
]

pytestmark = [
    pytest.mark.spin,
    pytest.mark.skipif(
        not (shutil.which("spin") and shutil.which("gcc")), reason="spin or gcc is not installed"
    ),
]


def search(folder: Path, *defines: str, level: str = "-O1") -> str:
    """Search every state of the model; return what spin says of it."""
    run(folder, "spin", *[f"-D{define}" for define in defines], "-a", str(_MODEL))
    run(folder, "gcc", level, "-w", "-DSAFETY", "-o", "pan", "pan.c")
    return run(folder, "./pan", "-m100000", "-n", "-E", "-w22")


def run(folder: Path, *command: str) -> str:
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=_MOST_S, check=True
    )
    assert "max search depth too small" not in ended.stdout
    return ended.stdout


@pytest.mark.parametrize(("cls", "claims"), _WHOLE)
def test_no_state_breaks_a_promise(tmp_path: Path, cls: str, claims: int) -> None:
    said = search(tmp_path, f"CLS={cls}", f"CLAIMS={claims}")
    assert "errors: 0" in said, said
    assert "Search not completed" not in said, said
    states = re.search(r"(\d+) states, stored", said)
    assert states is not None
    assert int(states.group(1)) > 100


@pytest.mark.parametrize(("mutant", "cls", "_why"), _BROKEN)
def test_a_protocol_with_one_rule_broken_breaks_a_promise(
    tmp_path: Path, mutant: int, cls: str, _why: str
) -> None:
    # Found after few states: it would take longer to make the search fast.
    said = search(tmp_path, f"CLS={cls}", f"MUT={mutant}", "CLAIMS=3", level="-O0")
    assert "assertion violated" in said, said
    assert "errors: 1" in said, said
