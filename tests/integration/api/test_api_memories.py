"""Memories over HTTP and in the terminal: listed, shown, exported, forgotten, and nobody else's."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from agent_workers.cli.main import main
from agent_workers.client.client import Client
from agent_workers.client.errors import Refused
from agent_workers.domain.ids import MEMORY_ID, TenantId, to_wire
from agent_workers.execution.models.embedders import embedder_of
from agent_workers.state.database.engine import Database
from tests.integration.api.live import Live, is_problem
from tests.integration.state.remembering import School
from tests.integration.state.world import World

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def school(world: World) -> School:
    return School(world)


@pytest.fixture
def sdk(live: Live, tenant: TenantId) -> Iterator[Client]:
    with Client(live.url, live.token(tenant)) as opened:
        yield opened


@pytest.fixture
def run(
    database: Database,
    tenant: TenantId,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a verb of `memory` on the tests' database, with vectors that know words by spelling."""
    monkeypatch.setenv("AGENT_DATABASE_URL", database.url)
    monkeypatch.setenv("AGENT_EMBEDDING_MODEL", "hashed")

    def run(verb: str, *words: str) -> tuple[int, str]:
        code = main(["memory", verb, "--tenant", tenant, *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def contents(page: list[dict[str, object]]) -> list[object]:
    return [one["content"] for one in page]


def test_memories_are_listed_the_newest_first_a_page_at_a_time(
    client: httpx.Client, school: School
) -> None:
    for content in ("tea", "coffee", "Sofia"):
        school.teach(content)
    page = client.get("/v1/memories", params={"limit": 2}).json()
    assert (contents(page["data"]), page["has_more"]) == (["Sofia", "coffee"], True)
    rest = client.get("/v1/memories", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert (contents(rest["data"]), rest["next_cursor"]) == (["tea"], None)
    other = {"limit": 2, "cursor": page["next_cursor"], "user_id": "ann"}
    is_problem(client.get("/v1/memories", params=other), 422, "invalid_cursor")


def test_filters_say_whose_about_what_and_taught_by_which_job(
    school: School, sdk: Client, world: World
) -> None:
    job = world.submit()
    school.teach("tea", job=job)
    school.teach("green tea", user="ann")
    school.teach("coffee", user="bob", subject="other")
    assert contents(sdk.memories.all(user_id="ann")) == ["green tea"]
    assert contents(sdk.memories.all(user_id="ann", history=True)) == ["green tea", "tea"]
    assert contents(sdk.memories.all(subject=" OTHER")) == ["coffee"]
    assert contents(sdk.memories.all(job_id=to_wire(job), history=True)) == ["tea"]


def test_a_memory_is_shown_with_its_source_and_what_it_replaced(
    school: School, sdk: Client, world: World
) -> None:
    job = world.submit()
    tea = school.teach("tea")
    green = school.teach("green tea", job=job)
    shown = sdk.memories.get(MEMORY_ID.written(green))
    assert shown["source"] == {"job_id": to_wire(job), "position": 2}
    assert (shown["user_id"], shown["confidence"], shown["expires_at"]) == ("ann", 1.0, None)
    [replaced] = shown["replaced"]
    assert (replaced["id"], replaced["superseded_by"]) == (MEMORY_ID.written(tea), shown["id"])


def test_what_is_forgotten_is_gone(school: School, sdk: Client) -> None:
    tea = MEMORY_ID.written(school.teach("tea"))
    sdk.memories.forget(tea)
    for call in (sdk.memories.get, sdk.memories.forget):
        with pytest.raises(Refused) as refused:
            call(tea)
        assert refused.value.code == "memory_not_found"
    school.teach("tea")
    school.teach("green tea")
    assert sdk.memories.forget_user("ann") == 2
    assert sdk.memories.export() == []


def test_what_a_job_taught_is_taken_back_once_it_has_ended(
    school: School, sdk: Client, world: World
) -> None:
    job = world.submit()
    school.teach("tea")
    school.teach("green tea", job=job)
    with pytest.raises(Refused) as early:
        sdk.memories.take_back(to_wire(job))
    assert early.value.code == "illegal_move"
    school.end(job)
    done = sdk.memories.take_back(to_wire(job))
    assert done == {"object": "memories_removed", "removed": 1, "restored": 1}
    assert contents(sdk.memories.all()) == ["tea"]


def test_an_export_has_everything_on_a_line_each(school: School, sdk: Client) -> None:
    school.teach("tea")
    school.teach("green tea")
    school.teach("coffee", user="bob")
    assert contents(sdk.memories.export()) == ["coffee", "green tea", "tea"]
    assert contents(sdk.memories.export(user_id="bob")) == ["coffee"]


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("DELETE", ""),
        ("DELETE", "?user_id=a&user_id=b"),
        ("DELETE", "?subject=a"),
        ("GET", "?history=yes"),
        ("GET", "?job_id=7"),
        ("GET", "?limit=0"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    client: httpx.Client, school: School, method, query
) -> None:
    school.teach("tea")
    is_problem(client.request(method, f"/v1/memories{query}"), 422, "invalid_request")
    assert school.all() == ["tea"]


def test_another_tenant_sees_and_changes_nothing(live: Live, school: School, world: World) -> None:
    job = world.submit()
    tea = MEMORY_ID.written(school.teach("tea", job=job))
    school.end(job)
    with live.client(TenantId("stranger-of-memories")) as stranger:
        assert stranger.get("/v1/memories", params={"history": "true"}).json()["data"] == []
        assert stranger.get("/v1/memories.jsonl").content == b""
        for method in ("GET", "DELETE"):
            missing = stranger.request(method, f"/v1/memories/{tea}")
            is_problem(missing, 404, "memory_not_found")
        back = stranger.delete(f"/v1/jobs/{to_wire(job)}/memories")
        is_problem(back, 404, "job_not_found")
        assert stranger.delete("/v1/memories", params={"user_id": "ann"}).json()["removed"] == 0
    assert school.all() == ["tea"]


def test_a_terminal_lists_shows_and_exports(run: Run, school: School) -> None:
    tea = MEMORY_ID.written(school.teach("tea"))
    school.teach("green tea")
    assert run("list")[1].count("green tea") == 1
    assert run("list", "--history", "--user", "ann")[1].count(tea) == 1
    assert run("list", "--user", "bob") == (0, "no memories found\n")
    assert [one["content"] for one in json.loads(run("list", "--json")[1])] == ["green tea"]
    assert json.loads(run("show", tea, "--json")[1])["superseded_by"].startswith("mem_")
    assert len(run("export")[1].splitlines()) == 2


def test_vectors_of_another_model_are_made_anew_and_then_found(run: Run, school: School) -> None:
    school.teach("tea")
    school.teach("Sofia", subject="home")
    assert run("search", "tea", "--user", "ann")[1].splitlines() == [
        "no memories found",
        "2 memories were not searched: another model made their vectors; run `agent-workers memory reembed`",
    ]
    assert "with hashed/64" in run("reembed")[1]
    code, told = run("search", "tea", "--user", "ann", "--json")
    assert (code, json.loads(told)[0]["content"]) == (0, "tea")
    assert run("reembed") == (0, "all vectors are from hashed/64; nothing to do\n")


def test_an_index_is_made_and_made_again(run: Run, world: World) -> None:
    School(world, model=embedder_of("hashed").model, position=50).teach("tea")
    for _ in range(2):
        code, told = run("index")
        assert (code, "on the vectors of hashed/64" in told) == (0, True), told


def test_a_terminal_forgets_and_takes_back(run: Run, school: School, world: World) -> None:
    job = world.submit()
    school.teach("tea")
    green = school.teach("green tea", job=job)
    assert run("undo-job", to_wire(job))[0] == 1
    school.end(job)
    assert "removed 1 memory; restored 1" in run("undo-job", to_wire(job))[1]
    assert run("forget", MEMORY_ID.written(green))[0] == 1
    assert run("forget", "--user", "ann") == (0, "forgot 1 memory of user 'ann'\n")


@pytest.mark.parametrize(
    "words",
    [("forget",), ("forget", "mem_7"), ("forget", "mem_7", "--user", "a"), ("show", "job_7"),
     ("undo-job", "7"), ("list", "--job", "7"), ("search", " ")],
)  # fmt: skip
def test_what_is_asked_wrongly_in_a_terminal_is_one_line(run: Run, words) -> None:
    code, told = run(*words)
    assert (code, len(told.splitlines())) == (2, 1), told


def test_vectors_find_what_keywords_do_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate of the default embedder: below this, it is not worth its megabytes."""
    monkeypatch.setenv("AGENT_EMBEDDING_MODEL", "wordllama")
    vectors, keywords = json.loads(run("quality", "--json")[1])
    assert vectors["hit@5"] >= 0.9
    assert vectors["hit@5"] > keywords["hit@5"] > 0.3
