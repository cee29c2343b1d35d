"""What holds for every embedder: offline, by hashing, and by a provider on the litellm path."""

import math
import re
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from agent_workers.domain.memory.embedding import Embedder, EmbeddingAway, NotEmbedded
from agent_workers.execution.embedding.hashed import HashedEmbedder
from agent_workers.execution.embedding.wordllama import WordLlamaEmbedder
from agent_workers.execution.models.embedders import embedder_of
from agent_workers.execution.models.failures import ModelUnpriced
from agent_workers.execution.models.litellm.embedding import LiteLLMEmbedder
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.named.access import Access
from agent_workers.execution.models.named.prices import default_prices
from tests.integration.models.gateway import the_litellm


@pytest.fixture(scope="module", params=["wordllama", "hashed", "scripted/embedding"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return embedder_of(request.param)


def cosine(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def test_each_text_has_a_vector_of_length_one(embedder) -> None:
    vectors = embedder.embed(["a cat", "refund order 1001", "\u00e9\u4e16\U0001f600", "x" * 20_000])
    assert [round(cosine(v, v), 6) for v in vectors] == [1.0] * 4
    assert len({len(v) for v in vectors}) == 1


def test_the_same_text_has_the_same_vector_in_whatever_company(embedder) -> None:
    alone = embedder.embed(["the invoice is late"])[0]
    assert embedder.embed(["other words", "the invoice is late"])[1] == alone


def test_more_texts_than_fit_one_request_keep_their_order(embedder) -> None:
    texts = [f"order number {number}" for number in range(150)]
    assert embedder.embed(texts)[137] == embedder.embed([texts[137]])[0]


def test_no_texts_have_no_vectors(embedder) -> None:
    assert embedder.embed([]) == []


@pytest.mark.parametrize("blank", ["", "  \n\t"])
def test_a_blank_text_is_refused(embedder, blank) -> None:
    with pytest.raises(NotEmbedded, match="text 1 is blank"):
        embedder.embed(["words", blank])


def test_half_a_character_is_refused(embedder) -> None:
    with pytest.raises(NotEmbedded, match="text 0 has half a character"):
        embedder.embed(["a\ud800b"])


def test_shared_words_bring_texts_nearer(embedder) -> None:
    asked, near, far = embedder.embed(
        ["where is the parcel", "the parcel is where it was", "loud green music tomorrow"]
    )
    assert cosine(asked, near) > cosine(asked, far)


def test_wordllama_knows_what_means_the_same_by_other_words() -> None:
    asked, near, far = WordLlamaEmbedder().embed(
        ["What does the customer eat?", "She is a vegetarian.", "The office opens at nine."]
    )
    assert cosine(asked, near) > cosine(asked, far)


def test_wordllama_names_its_weights_and_opens_no_connection() -> None:
    script = (
        "import socket, logging, sys\n"
        "def refuse(*a, **k): raise SystemExit('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from agent_workers.execution.embedding.wordllama import WordLlamaEmbedder as W\n"
        "w = W(); w.embed(['hello'])\n"
        "assert not logging.getLogger().handlers\n"
        "print(w.model, 'litellm' in sys.modules, 'requests' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    named = r"wordllama/l2_supercat_256@[0-9a-f]{8} False False\n"
    assert re.fullmatch(named, done.stdout), done.stderr


@pytest.fixture
def deaf() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def reached(base: str, *, deadline_s: float = 20) -> LiteLLMEmbedder:
    return LiteLLMEmbedder(
        "openai/text-embedding-3-small",
        litellm=the_litellm(),
        prices=default_prices(),
        loop=LoopThread(),
        access=Access(api_key="none", api_base=base),
        deadline_s=deadline_s,
    )


def test_a_provider_that_is_silent_is_away(deaf) -> None:
    with pytest.raises(EmbeddingAway, match=r"within 0\.3 s"):
        reached(deaf, deadline_s=0.3).embed(["hello"])


def test_a_provider_that_is_not_there_is_away() -> None:
    with pytest.raises(EmbeddingAway):
        reached("http://127.0.0.1:9").embed(["hello"])


def test_a_model_without_a_price_is_refused() -> None:
    with pytest.raises(NotEmbedded, match="AGENT_EMBEDDING_MODEL: model 'openai/none' is not in"):
        embedder_of("openai/none").embed(["hello"])
    with pytest.raises(ModelUnpriced):
        LiteLLMEmbedder(
            "openai/none", litellm=the_litellm(), prices=default_prices(), loop=LoopThread()
        )


def test_two_sizes_of_hashed_vectors_have_two_names() -> None:
    assert HashedEmbedder().model != HashedEmbedder(dimensions=32).model
