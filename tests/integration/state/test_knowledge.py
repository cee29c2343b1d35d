"""Documents in the database: kept whole, found by words and by meaning, never another tenant's."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.domain.memory.chunking import chunks_of
from agent_workers.domain.memory.knowledge import (
    Document,
    Hit,
    Kind,
    Passage,
    Question,
    Vectors,
    hash_of,
)
from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.execution.embedding.hashed import HashedEmbedder
from agent_workers.state.knowledge.documents import Documents
from tests.integration.state.refusing import CHECK, FOREIGN, TRIGGER, expect, refused
from tests.integration.state.world import World

EMBEDDER = HashedEmbedder()


def document(source: str, *texts: str) -> Document:
    passages = [Passage(heading=f"part {n}", text=text) for n, text in enumerate(texts)]
    content = "\n".join(texts).encode()
    return Document(
        source=source,
        title=source,
        kind=Kind.TEXT,
        bytes=len(content),
        content_hash=hash_of(content),
        chunks=chunks_of(source, passages),
    )


def vectors(made: Document, embedder: HashedEmbedder = EMBEDDER) -> Vectors:
    texts = [chunk.content for chunk in made.chunks]
    return Vectors(model=embedder.model, rows=embedder.embed(texts))


def keep(world: World, *documents: Document) -> Documents:
    kept = Documents(world.database)
    for one in documents:
        assert kept.keep(world.tenant, one, vectors(one))
    return kept


def find(
    world: World, words: str, *, embedder: HashedEmbedder = EMBEDDER, limit: int = 5
) -> Sequence[Hit]:
    [vector] = embedder.embed([words])
    question = Question(text=words, model=embedder.model, vector=vector, limit=limit)
    return Documents(world.database).search(world.tenant, question)


def sources(hits: Sequence[Hit]) -> list[str]:
    return [hit.source for hit in hits]


def test_what_shares_words_with_the_question_comes_first(world: World) -> None:
    keep(
        world,
        document("refunds.md", "A refund is paid within five days.", "Shoes may be returned."),
        document("hours.md", "The shop opens at nine."),
    )
    first, *_ = find(world, "When is my refund paid?")
    assert (first.source, first.title, first.heading) == ("refunds.md", "refunds.md", "part 0")
    assert first.content == "A refund is paid within five days."
    assert first.chunk_id == document("refunds.md", first.content).chunks[0].chunk_id
    assert first.similarity is not None
    assert 0 < first.similarity <= 1
    assert sources(find(world, "opening of the shops"))[0] == "hours.md"
    assert len(find(world, "refund", limit=1)) == 1


def test_a_word_is_found_that_no_vector_knows(world: World) -> None:
    others = [document(f"{n}.md", f"Something about error number {n}.") for n in range(60)]
    keep(world, document("codes.md", "The code XQ-4711 means that the belt is torn."), *others)
    blind = HashedEmbedder(dimensions=1)
    [vector] = blind.embed(["nothing"])
    asked = Question(text="XQ-4711", model="another", vector=vector, limit=3)
    [only] = Documents(world.database).search(world.tenant, asked)
    assert (only.source, only.similarity) == ("codes.md", None)


@pytest.mark.parametrize(
    "words",
    [
        r"C:\\a\'b \\ http://x/\\y?a=\'b\'&c",
        "the of and",
        "'; drop table jobs; --",
        "a & | ! ( ) : * <-> '",
        "😀",
        "x" * 2_000,
    ],
)
def test_no_question_is_a_mistake(world: World, words: str) -> None:
    keep(world, document("a.md", "Some text."))
    assert sources(find(world, words)) == ["a.md"]


def test_nobody_finds_the_documents_of_another_tenant(world: World) -> None:
    keep(world, document("mine.md", "the secret plan"))
    stranger = replace_tenant(world, "stranger")
    keep(stranger, document("mine.md", "the secret plan"))
    kept = Documents(world.database)
    assert kept.remove(stranger.tenant, ["mine.md"]) == ["mine.md"]
    assert (kept.all(stranger.tenant), find(stranger, "secret plan")) == ([], [])
    assert sources(find(world, "secret plan")) == ["mine.md"]


def test_words_of_other_tenants_crowd_nobody_out(world: World) -> None:
    stranger = replace_tenant(world, "crowd")
    others = [f"something else, and then a refund {n}" for n in range(80)]
    keep(stranger, document("theirs.md", *others))
    keep(world, document("mine.md", "refund refund refund"))
    asked = Question(text="refund", model="another", vector=[1.0], limit=3)
    hits = Documents(world.database).search(world.tenant, asked)
    assert sources(hits) == ["mine.md"]


def replace_tenant(world: World, name: str) -> World:
    return World(world.database, TenantId(f"{name}-{world.tenant}"))


def test_a_document_replaces_what_had_its_name_and_its_old_text_is_found_no_more(
    world: World,
) -> None:
    kept = keep(world, document("a.md", "the old price is ten", "the same"))
    [before] = kept.all(world.tenant)
    old = {chunk.content: chunk.chunk_id for chunk in kept.chunks(world.tenant, "a.md")}
    keep(world, document("a.md", "the new price is twenty", "the same"))
    [after] = kept.all(world.tenant)
    assert (after.chunks, after.added_at) == (2, before.added_at)
    assert all("old" not in hit.content for hit in find(world, "old price"))
    now = {chunk.content: chunk.chunk_id for chunk in kept.chunks(world.tenant, "a.md")}
    assert now["the same"] == old["the same"]
    assert old["the old price is ten"] not in now.values()


def test_the_same_content_is_kept_once(world: World) -> None:
    kept = keep(world, document("a.md", "one"))
    twin = document("b.md", "one")
    known = kept.known(world.tenant, "b.md", twin.content_hash)
    assert known is not None
    assert (known.source, known.model) == ("a.md", EMBEDDER.model)
    assert kept.keep(world.tenant, twin, vectors(twin)) is False
    assert [one.source for one in kept.all(world.tenant)] == ["a.md"]


def test_who_adds_the_same_document_at_the_same_time_leaves_one_whole(world: World) -> None:
    kept = Documents(world.database)
    versions = [
        document("a.md", *(f"text {n} of version {v}" for n in range(20))) for v in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: kept.keep(world.tenant, one, vectors(one)), versions))
    [seen] = kept.all(world.tenant)
    left = {chunk.content.split()[-1] for chunk in kept.chunks(world.tenant, "a.md")}
    assert (seen.chunks, len(left)) == (20, 1)


def test_vectors_of_two_models_are_never_compared(world: World) -> None:
    kept = keep(world, document("a.md", "one thing"))
    other = HashedEmbedder(model="newer")
    assert [hit.similarity for hit in find(world, "one thing", embedder=other)] == [None]
    assert kept.has_others(world.tenant, other.model)
    [old] = kept.of_other_models(world.tenant, other.model)
    whole = replace(old, chunks=kept.chunks(world.tenant, "a.md"))
    assert kept.keep_again(world.tenant, whole, vectors(whole, other))
    assert find(world, "one thing", embedder=other)[0].similarity == pytest.approx(1, abs=1e-3)
    assert not kept.has_others(world.tenant, other.model)
    assert [hit.similarity for hit in find(world, "one thing")] == [None]


def test_what_changed_while_its_vectors_were_made_keeps_its_own(world: World) -> None:
    kept = keep(world, document("a.md", "old"))
    late = document("a.md", "old")
    keep(world, document("a.md", "new"))
    assert not kept.keep_again(world.tenant, late, vectors(late))
    kept.remove(world.tenant, ["a.md"])
    assert not kept.keep_again(world.tenant, late, vectors(late))
    assert kept.all(world.tenant) == []


def test_a_database_without_pgvector_says_so(world: World) -> None:
    keep(world, document("a.md", "one"))
    world.one("drop extension vector")
    try:
        with pytest.raises(NotInstalled, match="this database has no pgvector"):
            find(world, "one")
    finally:
        world.one("create extension vector")


def test_pgvector_may_have_been_in_another_schema_before_us(world: World) -> None:
    keep(world, document("a.md", "one thing"))
    world.one('create schema "50%% else"')
    world.one('alter extension vector set schema "50%% else"')
    try:
        assert find(world, "one thing")[0].similarity == pytest.approx(1, abs=1e-3)
    finally:
        world.one("alter extension vector set schema agent_workers")


CHUNKS = [
    ("content = 'x'", TRIGGER, "what a chunk says never changes"),
    ("source = 'x'", TRIGGER, "what a chunk says never changes"),
    ("chunk_id = 'x'", TRIGGER, "what a chunk says never changes"),
    ("model = 'x'", FOREIGN, "knowledge_chunks_document_fkey"),
    ("dimensions = 63, embedding = embedding[1:63]", FOREIGN, "knowledge_chunks_document_fkey"),
    ("embedding = embedding[1:63]", CHECK, "knowledge_chunks_embedding_check"),
    ("embedding[1] = null", CHECK, "knowledge_chunks_embedding_check"),
    ("embedding[1] = 'NaN'", CHECK, "knowledge_chunks_embedding_check"),
    ("number = 10000", CHECK, "knowledge_chunks_number_check"),
]


@pytest.mark.parametrize(("what", "code", "words"), CHUNKS)
def test_a_chunk_refuses(world: World, what: str, code: str, words: str) -> None:
    keep(world, document("a.md", "one"))
    sql = f"update knowledge_chunks set {what} where tenant_id = %s"
    expect(refused(world, sql, world.tenant), code, words)


def test_the_table_itself_refuses_documents_that_cannot_be(world: World) -> None:
    keep(world, document("a.md", "one"))
    for what, words in (
        ("kind = 'exe'", "kind"),
        ("chunks = 0", "chunks"),
        ("source = ''", "source"),
        ("content_hash = ''", "content_hash"),
    ):
        sql = f"update knowledge_documents set {what} where tenant_id = %s"
        error = refused(world, sql, world.tenant)
        expect(error, CHECK, f"knowledge_documents_{words}_check")
    sql = "update knowledge_documents set model = 'x' where tenant_id = %s"
    expect(refused(world, sql, world.tenant), FOREIGN, "knowledge_chunks_document_fkey")
