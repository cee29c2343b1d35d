"""`memory quality`: how often recall finds the right memory, beside plain keyword search."""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

import yaml

from agent_workers.cli.memory.place import Place
from agent_workers.domain.memory.embedding import Embedder
from agent_workers.domain.memory.memory import embedded_text
from agent_workers.state.knowledge.keyword_ranks import ranked_by_keywords
from agent_workers.terminal.printing import print_json, print_rows

_AMONG: Final = 5
_COLUMNS: Final = ("way", "hit@1", "hit@5", "mrr", "missed")
Rank = Callable[[str], Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Texts, and for each question the place of the one text that answers it."""

    texts: Sequence[str]
    questions: Mapping[str, int]


def measure(place: Place, arguments: argparse.Namespace) -> int:
    """Print how many questions found their memory, by vectors and by keywords."""
    labelled = read_labelled()
    rows = [
        scored(place.embedder.model, labelled, by_vectors(place.embedder, labelled.texts)),
        scored(
            "keywords",
            labelled,
            lambda asked: ranked_by_keywords(place.database, labelled.texts, asked, limit=50),
        ),
    ]
    if arguments.json:
        print_json(rows)
    else:
        print(f"{len(labelled.questions)} questions on {len(labelled.texts)} memories")
        print_rows(rows, _COLUMNS, none="")
    return 0


def read_labelled() -> Labelled:
    source = resources.files("agent_workers.cli.memory").joinpath("quality.yaml")
    document = yaml.safe_load(source.read_bytes())
    names = list(document["memories"])
    told = document["memories"].values()
    return Labelled(
        texts=[embedded_text(one["subject"], one["content"]) for one in told],
        questions={one["ask"]: names.index(one["wants"]) for one in document["questions"]},
    )


def by_vectors(embedder: Embedder, texts: Sequence[str]) -> Rank:
    """Rank as `recall` does where it compares every memory."""
    vectors = embedder.embed(texts)

    def rank(asked: str) -> Sequence[int]:
        [query] = embedder.embed([asked])
        scores = [math.fsum(a * b for a, b in zip(query, one, strict=True)) for one in vectors]
        return sorted(range(len(scores)), key=lambda place: -scores[place])

    return rank


def scored(way: str, labelled: Labelled, rank: Rank) -> dict[str, object]:
    """Say how often the right one came first, among the first, and how far down on average."""
    places = [_place(rank(asked), wanted) for asked, wanted in labelled.questions.items()]
    among = [place is not None and place < _AMONG for place in places]
    missed = [asked for asked, hit in zip(labelled.questions, among, strict=True) if not hit]
    return {
        "way": way,
        "hit@1": round(places.count(0) / len(places), 3),
        "hit@5": round(sum(among) / len(places), 3),
        "mrr": round(sum(1 / (p + 1) for p in places if p is not None) / len(places), 3),
        "missed": "; ".join(missed),
    }


def _place(ranked: Sequence[int], wanted: int) -> int | None:
    return ranked.index(wanted) if wanted in ranked else None
