"""The files of a job over HTTP: listed, fetched, harmless to a browser, and nobody else's."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from agent_workers.cli.main import main
from agent_workers.client.client import Client
from agent_workers.client.errors import Refused
from agent_workers.domain.ids import JobId, TenantId, to_wire
from agent_workers.domain.tools.tool import Call
from agent_workers.domain.tools.workspace import LARGEST_FILE, FileWish
from agent_workers.state.jobs.workspaces import JobWorkspace, Workspaces
from api.jobs.artifacts import PART_BYTES
from tests.integration.api.live import Live, is_problem
from tests.integration.state.world import World

PAGE = b"<script>alert(1)</script>"
FILES = {"a.html": PAGE, 'notes/h\u00e9 "q".md': "é\n".encode(), "raw.bin": b"\0\x1b[2J\xff"}


@pytest.fixture
def job(world: World) -> JobId:
    """A job that has written some files."""
    made = world.submit()
    write(world, made, FILES)
    return made


def write(world: World, job: JobId, written: Mapping[str, bytes]) -> None:
    call = Call(key="k", tenant_id=world.tenant, job_id=job, position=1, attempt=1)
    files = JobWorkspace(
        workspaces=Workspaces(world.database), call=call, most_bytes=2 * LARGEST_FILE
    )
    with world.database.connection() as connection:
        for path, content in written.items():
            statement = files.writing(FileWish(path=path, content=content))
            connection.execute(statement.sql.encode(), statement.parameters)


def get(client: httpx.Client, job: JobId, name: str, **headers: str) -> httpx.Response:
    return client.get(f"/v1/jobs/{to_wire(job)}/artifacts{name}", headers=headers)


def test_the_files_of_a_job_are_listed_by_name(client: httpx.Client, job: JobId) -> None:
    page = get(client, job, "").json()
    assert (page["object"], page["has_more"]) == ("list", False)
    assert [file["name"] for file in page["data"]] == sorted(FILES)
    first = page["data"][0]
    assert (first["object"], first["bytes"], first["text"]) == ("artifact", len(PAGE), True)
    assert (first["version"], first["written_by"]) == (1, 1)


def test_a_browser_runs_nothing_of_what_a_job_wrote(client: httpx.Client, job: JobId) -> None:
    reply = get(client, job, "/a.html")
    assert (reply.status_code, reply.content) == (200, PAGE)
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in reply.headers["content-security-policy"]
    assert reply.headers["content-disposition"].startswith('attachment; filename="a.html"')


def test_a_name_of_any_letters_is_a_safe_header(client: httpx.Client, job: JobId) -> None:
    for name in ("/notes/h%C3%A9%20%22q%22.md", "/notes%2Fh%C3%A9%20%22q%22.md"):
        reply = get(client, job, name)
        assert reply.content == "é\n".encode()
        told = reply.headers["content-disposition"]
        assert told == "attachment; filename=\"h___q_.md\"; filename*=UTF-8''h%C3%A9%20%22q%22.md"
    assert get(client, job, "/raw.bin").headers["content-type"] == "application/octet-stream"


def test_who_has_the_file_already_is_told_so(client: httpx.Client, job: JobId) -> None:
    etag = get(client, job, "/a.html").headers["etag"]
    again = get(client, job, "/a.html", **{"if-none-match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


@pytest.mark.parametrize(
    "name",
    [
        "/",
        "/b",
        "/..%2f..%2fetc%2fpasswd",
        "/%00",
        "/a.html%00",
        "/%ED%A0%80",
        "/a%5Cb",
        "//a.html",
    ],
)
def test_what_is_no_file_of_the_job_is_not_found(
    client: httpx.Client, job: JobId, name: str
) -> None:
    is_problem(get(client, job, name), 404, "artifact_not_found")


def test_other_tenants_see_no_job_at_all(live: Live, job: JobId, client: httpx.Client) -> None:
    with live.client(TenantId("another")) as stranger:
        for name in ("", "/a.html"):
            is_problem(get(stranger, job, name), 404, "job_not_found")
    is_problem(get(client, JobId(uuid4()), ""), 404, "job_not_found")


def test_the_client_reads_files_as_bytes(live: Live, tenant: TenantId, job: JobId) -> None:
    with Client(live.url, live.token(tenant)) as client:
        names = [file["name"] for file in client.artifacts.all(to_wire(job))]
        assert {name: client.artifacts.read(to_wire(job), name) for name in names} == FILES
        with pytest.raises(Refused, match="artifact_not_found"):
            client.artifacts.read(to_wire(job), "../a.html")


def test_files_are_listed_and_kept_from_the_terminal(
    live: Live,
    tenant: TenantId,
    job: JobId,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setenv("AGENT_API_URL", live.url)
    monkeypatch.setenv("AGENT_API_KEY", live.token(tenant))
    name, kept = to_wire(job), tmp_path / "kept.bin"
    assert main(["jobs", "files", name]) == 0
    assert b"raw.bin" in capfdbinary.readouterr().out
    assert main(["jobs", "files", name, "--json"]) == 0
    assert len(json.loads(capfdbinary.readouterr().out)) == len(FILES)
    assert main(["jobs", "file", name, "raw.bin"]) == 0
    assert capfdbinary.readouterr().out == FILES["raw.bin"]
    assert main(["jobs", "file", name, "raw.bin", "--out", str(kept)]) == 0
    assert kept.read_bytes() == FILES["raw.bin"]
    assert main(["jobs", "file", name, "a.html", "--out", str(kept)]) == 1
    assert kept.read_bytes() == FILES["raw.bin"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["jobs", "file", name, "raw.bin"]) == 2


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES - 1])
def test_a_file_of_several_parts_is_whole(
    client: httpx.Client, world: World, job: JobId, size: int
) -> None:
    content = _numbered(size)
    write(world, job, {"large": content})
    assert get(client, job, "/large").content == content


def test_a_file_is_read_no_faster_than_it_is_taken(
    client: httpx.Client, live: Live, world: World, job: JobId
) -> None:
    """What was not read before the file changed never comes, and the reply has no end."""
    write(world, job, {"large": b"1" * LARGEST_FILE})
    lines = [
        f"GET /v1/jobs/{to_wire(job)}/artifacts/large HTTP/1.1",
        f"authorization: {client.headers['authorization']}",
    ]
    with socket.socket() as reading:
        reading.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PART_BYTES)
        reading.settimeout(20)
        reading.connect(live.place)
        reading.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        assert reading.recv(1)
        write(world, job, {"large": b"2"})
        got = b""
        while part := reading.recv(PART_BYTES):
            got += part
    assert PART_BYTES < len(got) < LARGEST_FILE


def _numbered(size: int) -> bytes:
    return b"".join(b"%09d," % number for number in range(size // 10 + 1))[:size]
