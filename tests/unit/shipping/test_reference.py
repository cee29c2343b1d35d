"""What is made from the code is up to date, and the glossary explains its words."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.job import JobStatus
from agent_workers.domain.step import Lane, StepKind, StepStatus, Verdict
from tests.support.reference.pages import PAGES
from tests.support.repository import ROOT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_that_is_made_from_the_code_is_up_to_date(page: Path) -> None:
    assert page.read_text() == PAGES[page](), "the code has changed: run `make reference`"


@pytest.mark.parametrize("words", [EffectClass, JobStatus, Lane, StepKind, StepStatus, Verdict])
def test_the_glossary_has_every_word_of_a_closed_list(words: type[StrEnum]) -> None:
    explained = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "glossary.md").read_text()))
    assert {word.value for word in words} - explained == set()
