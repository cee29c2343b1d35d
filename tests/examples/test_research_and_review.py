"""Research and review: drafts go back until one is accepted, and only that one is printed, once."""

from tests.acceptance.systems import wait_until
from tests.examples.running import Json, Running

QUESTION = "What do street trees do for a city?"


def editions(examples: Running) -> list[Json]:
    counted: list[Json] = examples.outside("research_and_review")["editions"]
    return counted


def test_a_draft_goes_back_until_the_reviewer_accepts_it(examples: Running):
    job = examples.wait(examples.client.submit("article", QUESTION))
    assert job.status == "succeeded", job.error
    assert job.output["accepted"]
    assert "two to four degrees cooler" in job.output["article"]
    assert "[trees]" in job.output["article"]
    workflows = [entry.get("workflow") for entry in examples.client.trace(job.id)]
    assert job.output["article"] in [one["article"] for one in editions(examples)], workflows


def test_what_is_never_accepted_is_given_up_after_three_drafts_and_not_printed(examples: Running):
    before = editions(examples)
    job = examples.wait(examples.client.submit("article", "Does perpetual motion work?"))
    assert job.output == {
        "accepted": False,
        "drafts": 3,
        "remarks": "Cite the note as [id], and give a number.",
    }
    assert editions(examples) == before


def test_a_worker_killed_while_it_prints_makes_one_edition(examples: Running):
    before = len(editions(examples))
    job = examples.client.submit("article", "What do green roofs weigh?")
    wait_until(lambda: len(editions(examples)) == before + 1, "the press to run")
    examples.crash()
    ended = examples.wait(job)
    assert ended.output["accepted"], ended.error
    assert examples.was_recovered(job)
    assert len(editions(examples)) == before + 1
