"""How documents are cut: nothing is lost, nothing is too long, and ids mean what they say."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_workers.domain.memory.chunking import MOST_CHARS, OVERLAP_CHARS, chunks_of
from agent_workers.domain.memory.knowledge import Passage, Unreadable


def cut(*texts: str, heading: str = "h") -> list[str]:
    return [
        one.content for one in chunks_of("s", [Passage(heading=heading, text=t) for t in texts])
    ]


def test_short_paragraphs_share_a_chunk_and_headings_do_not() -> None:
    assert cut("one\n\ntwo", "three") == ["one\n\ntwo", "three"]


def test_a_chunk_begins_with_the_end_of_the_one_before() -> None:
    sentences = [f"Sentence number {n} says something." for n in range(100)]
    first, second, *_ = cut(" ".join(sentences))
    shared = second.split(". ")[0]
    assert shared in first[-OVERLAP_CHARS:]


@given(st.lists(st.text(alphabet="ab .\n!é", max_size=3_000), max_size=4))
def test_every_word_is_in_some_chunk_and_no_chunk_is_too_long(texts: list[str]) -> None:
    chunks = cut(*texts)
    assert all(0 < len(chunk) <= MOST_CHARS for chunk in chunks)
    everything = " ".join(chunks)
    for word in re.findall(r"\S+", " ".join(texts)):
        assert len(word) > MOST_CHARS or word in everything


def test_a_word_without_end_is_cut_anywhere() -> None:
    word = "".join(str(number) for number in range(1_500))
    assert "".join(cut(word)) == word


def test_an_id_means_the_same_text_of_the_same_document_for_ever() -> None:
    [chunk] = chunks_of("a.md", [Passage(heading="h", text="one")])
    assert re.fullmatch("doc_[0-9a-f]{16}", chunk.chunk_id)
    again = chunks_of("a.md", [Passage(heading="", text="new"), Passage(heading="h", text="one")])
    assert again[1].chunk_id == chunk.chunk_id
    others = [
        chunks_of("b.md", [Passage(heading="h", text="one")])[0],
        chunks_of("a.md", [Passage(heading="i", text="one")])[0],
        chunks_of("a.md", [Passage(heading="h", text="two")])[0],
    ]
    assert len({chunk.chunk_id, *(one.chunk_id for one in others)}) == 4


def test_what_is_said_twice_is_one_chunk() -> None:
    chunks = chunks_of("s", [Passage(heading="h", text=t) for t in ("same", "same", "other")])
    assert [(one.number, one.content) for one in chunks] == [(0, "same"), (1, "other")]


def test_a_document_without_end_is_refused() -> None:
    passages = (Passage(heading=str(n), text="x") for n in range(10_001))
    with pytest.raises(Unreadable, match="more than 10000 chunks"):
        chunks_of("s", passages)
