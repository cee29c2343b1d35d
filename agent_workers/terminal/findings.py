"""What a check found: all well, worth a look, or broken, and then what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    level: Level
    text: str
    remedy: str = ""

    @property
    def line(self) -> str:
        remedy = f": {self.remedy}" if self.remedy else ""
        return f"{self.level.value:<5} {self.text}{remedy}"


def ok(text: str) -> Finding:
    return Finding(level=Level.OK, text=text)


def warn(text: str, remedy: str) -> Finding:
    return Finding(level=Level.WARN, text=text, remedy=remedy)


def fail(text: str, remedy: str) -> Finding:
    return Finding(level=Level.FAIL, text=text, remedy=remedy)
