"""The report writer: researchers side by side, a report with sources, and nothing done again."""

from decimal import Decimal

from tests.acceptance.systems import wait_until
from tests.examples.running import Json, Running

TOPICS = [
    "Leases and queues of workers",
    "Idempotency keys, and effects in doubt",
    "Budgets and prices of model calls",
]


def wish(title: str) -> Json:
    return {"title": title, "topics": TOPICS}


def pages(examples: Running, title: str) -> list[Json]:
    counted = examples.outside("report_writer")["pages"]
    return [page for page in counted if title in page["report"]]


def children(examples: Running, job_id: str) -> list[Json]:
    jobs = examples.client.jobs(limit=100, agent="researcher")["data"]
    return [job for job in jobs if job["parent_job_id"] == job_id]


def test_a_report_cites_the_sources_of_every_part(examples: Running):
    job = examples.client.submit("report_writer", wish("Workers"), max_cost_usd=0.1)
    ended = examples.wait(job)
    assert ended.status == "succeeded", ended.error
    report = ended.output["report"]
    assert [line for line in report.splitlines() if line.startswith("## ")] == [
        *(f"## {topic}" for topic in TOPICS),
        "## Sources",
    ]
    for source in ("leases", "queues", "keys", "doubt", "budgets", "prices"):
        assert f"[{source}]" in report.partition("## Sources")[0]
        assert f"- [{source}]" in report.partition("## Sources")[2]
    assert [page["report"] for page in pages(examples, "Workers")] == [report]
    spent = [Decimal(part["usage"]["cost_usd"]) for part in children(examples, job.id)]
    assert len(spent) == len(TOPICS)
    assert Decimal(ended.raw["usage"]["cost_usd"]) == sum(spent) > 0


def test_a_report_that_cannot_pay_for_its_parts_says_so_and_is_not_published(examples: Running):
    job = examples.client.submit("report_writer", wish("Poverty"), max_cost_usd=0.005)
    ended = examples.wait(job)
    assert ended.status == "failed"
    assert ended.error is not None
    assert "the job has $0.005 left, and $0.01 was asked for" in ended.error["message"]
    assert (children(examples, job.id), pages(examples, "Poverty")) == ([], [])


def test_a_killed_worker_loses_nothing_and_does_nothing_again(examples: Running):
    job = examples.client.submit("report_writer", wish("Crashes"), max_cost_usd=0.1)
    wait_until(lambda: len(done(examples, job.id)) >= 6, "a part of the research to be done")
    with examples.crash_within(job):
        before = done(examples, job.id)
    ended = examples.wait(job)
    assert ended.status == "succeeded", ended.error
    assert examples.was_recovered(job)
    assert before.items() <= done(examples, job.id).items()
    assert len(children(examples, job.id)) == len(TOPICS)
    assert len(pages(examples, "Crashes")) == 1


def done(examples: Running, job_id: str) -> dict[tuple[str, int], tuple[str, int]]:
    """Every step that is done, of a report and of its parts: when, and at which claim."""
    ids = [job_id, *(child["id"] for child in children(examples, job_id))]
    return {
        (one, step["position"]): (step["done_at"], step["claims"])
        for one in ids
        for step in examples.client.steps(one)
        if step["status"] == "done"
    }
