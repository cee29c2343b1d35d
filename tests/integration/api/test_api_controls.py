"""Controlling jobs and judging doubts over HTTP."""

from typing import Any

import httpx
import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId, TenantId, from_wire
from tests.integration.api.live import Live, is_problem, submit
from tests.integration.state.acting import allow, doubt, effect, quiet
from tests.integration.state.world import FINISH, World


@pytest.fixture
def job(client: httpx.Client) -> JobId:
    found = from_wire(submit(client)["id"])
    assert found is not None
    return found


def ask(client: httpx.Client, job: JobId, verb: str, body: Any = None) -> httpx.Response:
    return client.post(f"/v1/jobs/{job.hex}/{verb}", json=body if body is not None else {})


def permanent(reply: httpx.Response) -> None:
    is_problem(reply, 409, "illegal_move")
    assert reply.headers["x-should-retry"] == "false"


def test_a_waiting_job_is_canceled_at_once_and_again(client: httpx.Client, job: JobId):
    first = ask(client, job, "cancel", {"reason": "changed my mind"})
    assert first.status_code == 200
    assert first.json()["status"] == "canceled"
    assert first.json()["status_detail"] == "changed my mind"
    assert ask(client, job, "cancel").status_code == 200


def test_a_job_at_work_is_canceled_when_its_step_ends(
    client: httpx.Client, world: World, job: JobId
):
    claimed = world.claim(job)
    assert ask(client, job, "cancel").status_code == 202
    assert world.status(job) == "canceling"
    world.record(claimed, FINISH)
    assert ask(client, job, "cancel").json()["status"] == "canceled"


def test_now_does_not_wait_for_a_step_without_a_permit(
    client: httpx.Client, world: World, job: JobId
):
    world.claim(job)
    assert ask(client, job, "cancel", {"mode": "now"}).status_code == 200


def test_a_body_may_be_left_out(client: httpx.Client, job: JobId):
    assert client.post(f"/v1/jobs/{job.hex}/cancel").status_code == 200


def test_a_finished_job_can_be_neither_canceled_nor_paused_nor_resumed(
    client: httpx.Client, world: World, job: JobId
):
    world.record(world.claim(job), FINISH)
    for verb in ("cancel", "pause", "resume"):
        permanent(ask(client, job, verb))


def test_a_paused_job_rests_until_it_is_resumed(client: httpx.Client, world: World, job: JobId):
    paused = ask(client, job, "pause", {"reason": "lunch"})
    assert paused.json()["status"] == "paused"
    assert [one["kind"] for one in paused.json()["waiting_for"]] == ["paused"]
    assert world.claims.named(world.tenant, job, 0) is None
    assert ask(client, job, "resume").json()["status"] == "queued"
    world.claim(job)


def test_a_job_that_was_canceled_while_it_was_paused_stays_canceled(
    client: httpx.Client, job: JobId
):
    ask(client, job, "pause")
    assert ask(client, job, "cancel").json()["status"] == "canceled"
    permanent(ask(client, job, "resume"))
    permanent(ask(client, job, "pause"))


def test_a_step_in_quarantine_is_released(client: httpx.Client, world: World, job: JobId):
    permanent(ask(client, job, "steps/0/release"))
    world.claim(job)
    where = "where tenant_id = %s and job_id = %s"
    world.one(
        f"update steps set status = 'quarantined', lease_until = null {where}", world.tenant, job
    )
    world.one(f"update jobs set status = 'quarantined' {where}", world.tenant, job)
    assert ask(client, job, "steps/0/release").json()["status"] == "running"
    is_problem(ask(client, job, "steps/99999999999/release"), 404, "not_found")


@pytest.mark.parametrize("body", [{"mode": "later"}, {"why": "x"}, {"reason": 1}, [], "now"])
def test_a_wish_that_is_not_understood_changes_nothing(
    client: httpx.Client, world: World, job: JobId, body: object
):
    is_problem(ask(client, job, "cancel", body), 422, "invalid_request")
    assert world.status(job) == "queued"


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "steps/0/release"])
def test_another_tenants_job_cannot_be_touched(live: Live, world: World, job: JobId, verb: str):
    with live.client(TenantId("a stranger")) as stranger:
        is_problem(ask(stranger, job, verb), 404, "job_not_found")
    assert world.status(job) == "queued"


# ------------------------------------------------------------------------------------- doubts


class Doubted:
    """An effect in doubt, and the ways to it."""

    def __init__(self, world: World, client: httpx.Client) -> None:
        self.claimed = world.acting(EffectClass.UNSAFE)
        self.key = str(allow(world, self.claimed))
        doubt(world, self.claimed)
        self._client = client

    def judge(self, **body: Any) -> httpx.Response:
        return self._client.post(f"/v1/doubts/{self.key}/verdict", json=body)


@pytest.fixture
def doubted(world: World, client: httpx.Client) -> Doubted:
    return Doubted(world, client)


def test_a_doubt_is_shown_with_its_request_and_its_permits(client: httpx.Client, doubted: Doubted):
    [listed] = client.get("/v1/doubts").json()["data"]
    assert listed["effect_key"] == doubted.key
    assert listed["request"] == {"amount": 1}
    assert listed["doubt_reason"] == "silence"
    shown = client.get(f"/v1/doubts/{doubted.key}").json()
    assert [permit["mode"] for permit in shown["permits"]] == ["first"]
    assert shown["quiet_after"] is not None


def test_doubts_come_in_pages(client: httpx.Client, world: World):
    keys = [Doubted(world, client).key for _ in range(3)]
    first = client.get("/v1/doubts?limit=2").json()
    rest = client.get("/v1/doubts", params={"cursor": first["next_cursor"]}).json()
    assert [one["effect_key"] for one in first["data"] + rest["data"]] == keys


def test_what_happened_goes_on_with_its_result(
    client: httpx.Client, world: World, doubted: Doubted
):
    reply = doubted.judge(verdict="happened", result={"receipt": 7}, reason="seen at the bank")
    assert reply.status_code == 200
    assert reply.json()["state"] == "done"
    assert reply.json()["result"] == {"receipt": 7}
    assert reply.json()["evidence"][0]["given_by"].startswith("key:")
    assert world.step(doubted.claimed.job_id, 1) == "ready"
    assert client.get("/v1/doubts").json()["data"] == []
    permanent(doubted.judge(verdict="abandon", reason="again"))


def test_nobody_may_say_too_early_that_it_did_not_happen(world: World, doubted: Doubted):
    early = doubted.judge(verdict="not_happened", reason="I believe so")
    assert is_problem(early, 409, "too_early")["retryable"]
    quiet(world, doubted.claimed)
    assert doubted.judge(verdict="not_happened", reason="looked").json()["state"] == "intended"


def test_an_abandoned_effect_stays_abandoned(world: World, doubted: Doubted):
    assert doubted.judge(verdict="abandon", reason="too old").status_code == 200
    assert effect(world, doubted.claimed) == "abandoned"


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "maybe", "reason": "x"},
        {"verdict": "happened"},
        {"verdict": 1, "reason": "x"},
        {"verdict": "abandon", "reason": ""},
        {"verdict": "abandon", "reason": "x", "result": 1},
    ],
)
def test_a_verdict_that_is_not_understood_changes_nothing(
    world: World, doubted: Doubted, body: dict[str, Any]
):
    is_problem(doubted.judge(**body), 422, "invalid_request")
    assert effect(world, doubted.claimed) == "in_doubt"


def test_another_tenants_doubt_is_not_there(live: Live, doubted: Doubted):
    with live.client(TenantId("a stranger")) as stranger:
        path = f"/v1/doubts/{doubted.key}"
        is_problem(stranger.get(path), 404, "effect_not_found")
        body = {"verdict": "abandon", "reason": "x"}
        is_problem(stranger.post(f"{path}/verdict", json=body), 404, "effect_not_found")
        is_problem(stranger.get("/v1/doubts/nonsense"), 404, "effect_not_found")
