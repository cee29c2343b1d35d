"""Jobs that use files of their own and the documents of their tenant, in a worker's own parts."""

from pathlib import Path
from typing import Any

from agent_workers.cli.knowledge.adding import Adding
from agent_workers.execution.embedding.wordllama import WordLlamaEmbedder
from agent_workers.state.knowledge.documents import Documents
from tests.integration.worker import tool_agents
from tests.integration.worker.conftest import Bench


def values(bench: Bench, *rounds: list[list[object]]) -> Any:
    """Do rounds of tool calls in one job, and return what each call gave."""
    job = bench.submit({"rounds": list(rounds)}, agent="armed")
    bench.until_done(job, bench.runtime(module=tool_agents.__name__))
    return bench.output(job)


def test_a_job_writes_and_reads_its_files(bench: Bench) -> None:
    wrote, appended, read, listed, deleted, refused = values(
        bench,
        [["write_file", {"path": "a.txt", "content": "one", "expect": "new"}]],
        [["write_file", {"path": "a.txt", "content": " two", "append": True}]],
        [["read_file", {"path": "a.txt"}], ["list_files", {}]],
        [["delete_file", {"path": "a.txt"}]],
        [["write_file", {"path": "a.txt", "content": "", "expect": "0" * 32}]],
    )
    assert (wrote["bytes"], appended["appended"]) == (3, True)
    assert (read["content"], read["version"]) == ("one two", 2)
    assert [(file["path"], file["etag"]) for file in listed] == [("a.txt", read["etag"])]
    assert deleted == {"path": "a.txt", "deleted": True}
    assert refused["message"] == "there is no file a.txt"
    assert bench.ask("select files, bytes from workspaces where tenant_id = %s", bench.tenant) == [
        (0, 0)
    ]


def test_a_job_searches_the_documents_of_its_tenant(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "refunds.md").write_text("# Refunds\nMoney comes back within five days.")
    (tmp_path / "hours.md").write_text("# Hours\nThe shop opens at nine.")
    documents = Documents(bench.database)
    Adding(
        documents=documents,
        embedder=WordLlamaEmbedder(),
        tenant_id=bench.tenant,
        say=lambda _: None,
    ).add([tmp_path])
    asked = {"question": "How long does reimbursement take?", "limit": 1}
    [told] = values(bench, [["search_knowledge", asked]])
    [found] = told["found"]
    [chunk] = documents.chunks(bench.tenant, f"{tmp_path}/refunds.md")
    assert (found["id"], found["text"]) == (chunk.chunk_id, chunk.content)
    assert "warning" not in told
