"""Runs the checks or the test-suite part by part and prints how long each part took."""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
NOTHING_COLLECTED = 5
SLOWEST = 10

CHECKS: dict[str, list[str]] = {
    "format": ["ruff", "format", "--check"],
    "lint": ["ruff", "check"],
    "imports": ["lint-imports", "--no-logo"],
    "types": ["mypy"],
}

# In this order a mistake shows in the cheapest part that can show it.
TESTS: dict[str, list[str]] = {
    "conventions": [
        "tests/test_conventions.py",
        "tests/test_frozen.py",
        "tests/test_messages.py",
    ],
    "unit": ["-n", "2", "--dist", "loadfile", "tests/unit", "examples"],
    "contract": ["-n", "2", "--dist", "loadfile", "tests/contract"],
    # Mostly waiting: three at a time, each with servers of its own, keep two cores busy.
    # As they come: by number of tests, files of one long test would come last, and be waited for.
    "integration": ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder", "tests/integration"],
    "cluster": ["-p", "pytest_celery.plugin", "tests/cluster"],
    # The soak mostly waits, so the crash points run beside it.
    "crash": ["-n", "2", "--dist", "loadfile", "tests/crash"],
    "acceptance": ["tests/acceptance"],
    "examples": ["-n", "2", "--dist", "loadfile", "tests/examples"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRan:
    name: str
    seconds: float
    code: int

    @property
    def verdict(self) -> str:
        match self.code:
            case 0:
                return "ok"
            case code if code == NOTHING_COLLECTED:
                return "no tests"
            case code:
                return f"FAILED ({code})"


def main(arguments: list[str]) -> int:
    match arguments:
        case ["check"]:
            return _check()
        case ["test", *rest]:
            return _test(*_split(rest))
        case _:
            print("usage: run_parts.py check | test [PART…] [-- PYTEST ARGUMENTS]")
            return 2


def _check() -> int:
    ran = [_run(name, command) for name, command in CHECKS.items()]
    _print_times(ran)
    return _exit_code(ran)


def _test(names: list[str], extra: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="agent-workers-tests-") as folder:
        reports = Path(folder)
        ran = [_run(name, _pytest(name, extra, reports)) for name in names if _exists(name)]
        counts = _count(reports)
        slowest = _slowest(reports)
    _print_slowest(slowest)
    _print_times(ran)
    summary = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    print(f"===== {summary or 'no tests ran'} in {_total(ran):.2f}s =====")
    return _exit_code(ran)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    names, extra = arguments[:at], arguments[at + 1 :]
    unknown = [name for name in names if name not in TESTS]
    if unknown:
        raise SystemExit(f"no such part: {', '.join(unknown)} (there are: {', '.join(TESTS)})")
    return names or list(TESTS), extra


def _exists(name: str) -> bool:
    return (ROOT / TESTS[name][-1]).exists()


def _pytest(name: str, extra: list[str], reports: Path) -> list[str]:
    report = f"--junitxml={reports / name}.xml"
    return ["python", "-m", "pytest", report, *TESTS[name], *extra]


def _run(name: str, command: list[str]) -> PartRan:
    print(f"\n--- {name}", flush=True)
    started = time.monotonic()
    code = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, check=False).returncode
    return PartRan(name=name, seconds=time.monotonic() - started, code=code)


def _print_times(ran: list[PartRan]) -> None:
    print("\n--- times")
    for part in ran:
        print(f"{part.name:<12} {part.seconds:7.1f} s  {part.verdict}")
    print(f"{'all':<12} {_total(ran):7.1f} s")


def _slowest(reports: Path) -> list[tuple[float, str]]:
    """Return the tests that took longest, with what they had to set up."""
    cases = (case for report in reports.glob("*.xml") for case in ET.parse(report).iter("testcase"))
    timed = (
        (float(one.get("time", 0)), f"{one.get('classname')}.{one.get('name')}") for one in cases
    )
    return sorted(timed, reverse=True)[:SLOWEST]


def _print_slowest(slowest: list[tuple[float, str]]) -> None:
    print("\n--- the slowest tests")
    for seconds, name in slowest:
        print(f"{seconds:7.1f} s  {name}")


def _total(ran: list[PartRan]) -> float:
    return sum(part.seconds for part in ran)


def _exit_code(ran: list[PartRan]) -> int:
    return int(any(part.code not in {0, NOTHING_COLLECTED} for part in ran))


def _count(reports: Path) -> Counter[str]:
    """Add up what pytest wrote: one closing line for all parts."""
    counts = Counter({"failed": 0, "passed": 0, "skipped": 0, "errors": 0})
    for report in reports.glob("*.xml"):
        for suite in ET.parse(report).iter("testsuite"):
            failed, errors, skipped, tests = (
                int(suite.get(word, 0)) for word in ("failures", "errors", "skipped", "tests")
            )
            counts.update(failed=failed, errors=errors, skipped=skipped)
            counts.update(passed=tests - failed - errors - skipped)
    return counts


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
