"""Uploads of items: a line each, streamed, checked line by line, and never half lost."""

import json
from typing import Any

import httpx
import pytest

from agent_workers.domain.ids import TenantId
from api.batches.upload import LINES_AT_ONCE
from tests.integration.api.batch_calls import NDJSON, create, cut_off, line, show, upload
from tests.integration.api.live import AGENT, Live, is_problem, until


def items_of(client: httpx.Client, batch: dict[str, Any]) -> int:
    count: int = show(client, batch)["item_count"]
    return count


def test_lines_become_items_once(client: httpx.Client):
    batch = create(client)
    assert batch["status"] == "open"
    sent = upload(client, batch, [line(n) for n in range(1_200)])
    assert sent.json() == {"object": "batch.upload", "lines": 1_200, "stored": 1_200, "known": 0}
    again = upload(client, batch, [line(n) for n in range(1_201)])
    assert (again.json()["stored"], again.json()["known"]) == (1, 1_200)
    assert show(client, batch)["counts"]["pending"] == 1_201


def test_lines_may_be_cut_anywhere_and_the_last_needs_no_end(client: httpx.Client):
    whole = b"".join(line(n, input="ä" * 20) for n in range(50)).rstrip(b"\n")
    batch = create(client)
    sent = upload(client, batch, (whole[at : at + 7] for at in range(0, len(whole), 7)))
    assert sent.json()["stored"] == 50


def test_every_mistake_is_told_with_its_line_and_what_is_right_is_kept(client: httpx.Client):
    batch = create(client)
    lines = [
        line(1),
        b"{nonsense\n",
        b"\n",
        line(4, priority=101),
        line(5, agent="nobody"),
        line(6, colour="red"),
        line(7, delay=5),
        line(1, input="other"),
        b'{"agent": "demo", "input": 1}\n',
        b"[]\n",
        line(11),
        line(12, callback_url="https://127.0.0.1/hook"),
    ]
    problem = is_problem(upload(client, batch, lines), 422, "invalid_lines")
    assert [one["pointer"] for one in problem["errors"]] == [
        "/lines/2",
        "/lines/4/priority",
        "/lines/5/agent",
        "/lines/6/colour",
        "/lines/7/delay",
        "/lines/9/custom_id",
        "/lines/10",
        "/lines/12/callback_url",
        "/lines/8/custom_id",
    ]
    assert problem["errors"][0]["detail"].startswith("line 2: this is not JSON")
    mended = upload(client, batch, [line(n) for n in range(1, 12)]).json()
    assert (mended["stored"], mended["known"]) == (9, 2)


def test_an_upload_with_too_many_mistakes_is_given_up(client: httpx.Client):
    batch = create(client)
    reply = upload(client, batch, [b"x\n"] * 10 * LINES_AT_ONCE)
    assert len(is_problem(reply, 422, "invalid_lines")["errors"]) == 100


def test_what_lines_leave_out_is_the_templates(client: httpx.Client):
    template = {"agent": AGENT, "input": "same", "metadata": {"a": "1", "b": "1"}, "priority": 3}
    batch = create(client, job_template=template)
    own = {"custom_id": "x", "metadata": {"b": "2"}, "deadline": 60}
    assert upload(client, batch, [json.dumps(own).encode()]).status_code == 200
    client.post(batch["links"]["start"])
    [item] = client.get(batch["links"]["items"]).json()["data"]
    job = client.get(f"/v1/jobs/{item['job_id']}").json()
    assert (job["input"], job["metadata"], job["priority"]) == ("same", {"a": "1", "b": "2"}, 3)
    assert job["batch_id"] == batch["id"]
    assert job["deadline_at"] is not None


def test_an_upload_that_died_can_be_completed(live: Live, client: httpx.Client, tenant: TenantId):
    batch = create(client)
    count = 2 * LINES_AT_ONCE
    lines = (line(n) for n in range(count))
    cut_off(live, live.token(tenant), batch, lines, kept=lambda: items_of(client, batch) == count)
    assert show(client, batch)["status"] == "open"
    more = upload(client, batch, [line(n) for n in range(count + 3)]).json()
    assert (more["stored"], more["known"]) == (3, count)
    started = client.post(batch["links"]["start"], json={"item_count": count + 3})
    assert started.json()["status"] == "running"


def test_an_upload_that_died_can_be_canceled(live: Live, client: httpx.Client, tenant: TenantId):
    batch = create(client)
    lines, count = (line(n) for n in range(LINES_AT_ONCE)), LINES_AT_ONCE
    cut_off(live, live.token(tenant), batch, lines, kept=lambda: items_of(client, batch) == count)
    assert client.post(batch["links"]["cancel"]).status_code in {200, 202}
    until(lambda: show(client, batch)["status"] == "canceled")
    assert show(client, batch)["counts"]["canceled"] == count


def test_a_start_that_expects_more_than_there_is_is_refused(client: httpx.Client):
    batch = create(client)
    upload(client, batch, [line(1)])
    reply = client.post(batch["links"]["start"], json={"item_count": 2})
    is_problem(reply, 409, "items_missing")


def test_a_batch_that_runs_takes_no_upload(client: httpx.Client):
    batch = create(client, jobs=[{"agent": AGENT, "input": "x"}])
    is_problem(upload(client, batch, [line(1)]), 409, "batch_not_open")


def test_a_body_may_be_longer_than_elsewhere_but_no_line_may(client: httpx.Client):
    batch = create(client)
    long = [line(n, input="x" * 500_000) for n in range(6)]
    assert upload(client, batch, long).json()["stored"] == 6
    whole = client.put(batch["links"]["items"], content=b"".join(long), headers=NDJSON)
    assert whole.json()["known"] == 6
    reply = upload(client, batch, [line(7), line(8, input="x" * (1 << 20))])
    problem = is_problem(reply, 413, "body_too_large")
    assert problem["errors"][0]["pointer"] == "/lines/2"


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", ""])
def test_an_upload_says_that_it_is_lines(client: httpx.Client, kind: str):
    batch = create(client)
    reply = client.put(batch["links"]["items"], content=b"{}", headers={"content-type": kind})
    is_problem(reply, 415, "unsupported_media_type")
