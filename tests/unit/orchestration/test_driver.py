"""The driver, from claim to record: what becomes of a job by what its steps give."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent_workers.domain.agents.engine_tools import ASK_PERSON, WAIT_FOR_EVENT
from agent_workers.domain.claim import Claimed, NothingDue, Onward
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId
from agent_workers.domain.job import Limits
from agent_workers.domain.mail import Letter
from agent_workers.domain.reply import NotDone, Seen, Unclear
from agent_workers.domain.step import (
    Broke,
    GaveUp,
    Lane,
    Outcome,
    Planned,
    ToolCall,
    ToolFailed,
    ToolRan,
    Verdict,
)
from agent_workers.domain.text.encoding import canonical
from agent_workers.orchestration.traits import Lacking
from tests.unit.orchestration.agents import JOB, traits
from tests.unit.orchestration.driving import (
    ACCEPT,
    DESK,
    OUTAGE,
    TENANT,
    Desk,
    answered,
    calls,
    desk,
    judged,
)

RAN = ToolRan(result=b"1")
QUESTION = canonical({"question": "Sure?", "choices": ["yes", "no"], "timeout_seconds": 3_600})
SILENCE = Unclear(broke=OUTAGE)


def asking(tool: str = ASK_PERSON, arguments: bytes = QUESTION) -> Planned:
    return Planned(calls=(ToolCall(tool=tool, arguments=arguments, call_id="q"),))


def test_a_plan_a_tool_and_a_verdict_make_an_answer() -> None:
    done = desk(calls("read"), RAN, ACCEPT).work()
    assert (done.job.status, done.job.output) == ("succeeded", b'"done"')
    assert done.entries == ["queued", "started", *["step.completed"] * 3, "succeeded"]


def test_calls_side_by_side_are_judged_once() -> None:
    done = desk(calls("read", "read", "read"), RAN, RAN, RAN, ACCEPT).work()
    assert [step.told.kind for step in done.job.steps] == [
        "plan",
        "tool",
        "tool",
        "tool",
        "evaluate",
    ]
    assert done.job.status == "succeeded"


def test_a_worker_carries_on_with_what_it_recorded_itself() -> None:
    one = desk(calls("read"), RAN, ACCEPT)
    first = one.claim(0)
    second = one.worker.driver.advance(first, Onward)
    assert isinstance(second, Claimed)
    assert (second.position, second.fence, second.history is not None) == (1, 1, True)


def test_a_worker_that_may_not_carry_on_leaves_the_step_to_anybody() -> None:
    one = desk(calls("read"))
    assert one.advance(one.claim(0)) is None
    assert one.job.steps[1].status == "ready"


def test_a_worker_claims_what_else_is_due_while_it_records() -> None:
    one = desk(answered(), ACCEPT)
    lanes = (Lane.EVALUATE,)
    found = one.worker.driver.advance(one.claim(0), lambda: Onward(carry=False, lanes=lanes))
    assert isinstance(found, Claimed)
    last = one.worker.driver.advance(found, lambda: Onward(carry=False, lanes=lanes))
    assert isinstance(last, NothingDue)


def test_who_plans_anew_does_so_in_another_round() -> None:
    gives = (calls("read"), RAN, judged(Verdict.REPLAN, "not enough"), answered(), ACCEPT)
    done = desk(*gives).work()
    assert [step.told.round for step in done.job.steps] == [0, 0, 0, 1, 1]
    assert (done.job.status, done.job.course.replans) == ("succeeded", 1)


def test_a_failed_attempt_is_made_again_after_a_while() -> None:
    one = desk(calls("read"), OUTAGE, RAN, ACCEPT).work()
    assert (one.job.status, one.entries[-1]) == ("running", "retrying")
    assert one.later(minutes=1).job.status == "succeeded"
    assert one.job.steps[1].tries == 1


def test_what_fails_too_often_is_told_to_who_judges() -> None:
    one = desk(calls("read"), OUTAGE, OUTAGE, judged(Verdict.FAIL, "it is down")).work()
    one.later(minutes=1)
    assert one.job.steps[1].outcome_type == "tool_failed"
    assert (one.job.status, one.code) == ("failed", "evaluation_failed")


def test_what_nobody_foresaw_is_an_attempt_too() -> None:
    def raises() -> Outcome | Broke:
        raise RuntimeError("nobody foresaw it")

    one = desk(raises, answered(), ACCEPT).work()
    assert one.job.journal[-1].data["code"] == "broken"
    assert one.later(minutes=1).job.status == "succeeded"


def test_who_gives_up_ends_the_job() -> None:
    done = desk(GaveUp(code="lost", message="no idea")).work()
    assert (done.job.status, done.code) == ("failed", "lost")


def test_a_job_at_its_limit_has_one_turn_left() -> None:
    limited = replace(DESK, limits=Limits(max_rounds=1))
    gives = (calls("read"), RAN, judged(Verdict.CONTINUE), answered(b'"so far"'))
    done = desk(*gives, agent=limited).work()
    assert (done.job.status, done.job.output) == ("succeeded", b'"so far"')
    assert done.job.course.finalising == "max_rounds"


def test_a_limit_without_an_answer_is_a_failure() -> None:
    limited = replace(DESK, limits=Limits(max_rounds=1))
    gives = (calls("read"), RAN, judged(Verdict.CONTINUE), GaveUp(code="x", message="y"))
    done = desk(*gives, agent=limited).work()
    assert (done.job.status, done.code) == ("failed", "too_many_rounds")


def test_a_silent_unsafe_effect_is_a_doubt_until_somebody_knows() -> None:
    one = desk(calls("pay"), ACCEPT, replies=[SILENCE]).work()
    one.later(minutes=1)
    assert (one.job.status, len(one.acted)) == ("in_doubt", 1)
    key = one.acted[0][0]
    one.store.permits.give_verdict(TENANT, key, "happened", b"1", "the bank says so")
    assert (one.work().job.status, len(one.acted)) == ("succeeded", 1)


def test_a_reconcilable_effect_is_looked_up_before_it_is_done_again() -> None:
    one = desk(
        calls("book"), ACCEPT, replies=[SILENCE], seen=[Seen(found=True, result=b"7")]
    ).work()
    one.later(minutes=1)
    assert (one.job.status, len(one.acted)) == ("succeeded", 1)
    assert one.job.steps[1].outcome == b"7"


def test_what_a_look_up_does_not_find_is_done_once_more() -> None:
    one = desk(calls("book"), ACCEPT, replies=[SILENCE], seen=[Seen()]).work()
    one.later(minutes=1)
    assert ([attempt for _, attempt in one.acted], one.job.status) == ([1, 2], "succeeded")


def test_a_keyed_effect_is_repeated_with_the_same_key() -> None:
    one = desk(calls("refund"), ACCEPT, replies=[SILENCE, SILENCE]).work()
    one.later(minutes=1).later(minutes=1)
    keys = {key for key, _ in one.acted}
    assert (len(one.acted), len(keys), one.job.status) == (3, 1, "succeeded")


def test_an_effect_that_was_refused_is_told_as_a_failure() -> None:
    refused = NotDone(broke=ToolFailed(code="refused", message="no money"))
    done = desk(calls("pay"), judged(Verdict.FAIL), replies=[refused]).work()
    assert (done.job.steps[1].outcome_type, len(done.acted)) == ("tool_failed", 1)


def test_a_transactional_tool_is_recorded_with_its_statements() -> None:
    agent = replace(DESK, tools={"write": traits("write", EffectClass.TRANSACTIONAL)})
    done = desk(calls("write"), ACCEPT, agent=agent).work()
    assert (done.job.status, done.job.steps[1].outcome) == ("succeeded", b"1")


def test_a_job_asks_a_person_and_goes_on_with_the_answer() -> None:
    one = desk(asking(), ACCEPT).work()
    assert one.job.status == "waiting"
    key = one.job.waits[1].wait.key
    one.store.mail.answer(TENANT, JobId(JOB), {key: b'"yes"'}, by="ann")
    assert (one.work().job.status, one.entries[-4]) == ("succeeded", "answered")


def test_a_question_that_nobody_answers_is_over_at_its_time() -> None:
    one = desk(asking(), judged(Verdict.FAIL, "nobody said")).work()
    assert one.later(hours=2).job.status == "failed"
    assert one.job.steps[1].outcome_type == "tool_failed"


def test_an_event_ends_the_wait_for_it() -> None:
    one = desk(asking(WAIT_FOR_EVENT, canonical({"name": "paid"})), ACCEPT).work()
    letter = Letter(tenant_id=TENANT, job_id=JobId(JOB), sender="bank", name="paid", data=b"7")
    assert one.store.mail.send(letter).taken
    assert (one.work().job.status, b"7" in one.job.steps[1].outcome) == ("succeeded", True)


def test_a_job_that_is_stopped_while_a_step_is_done_goes_no_further() -> None:
    one = desk(lambda: _stopped(one), ACCEPT)
    one.work()
    assert (one.job.status, len(one.job.steps)) == ("canceled", 1)


def test_a_job_that_is_paused_while_a_step_is_done_goes_on_when_resumed() -> None:
    one = desk(lambda: _paused(one), RAN, ACCEPT)
    assert one.work().job.steps[1].status == "paused"
    one.store.controls.resume(TENANT, JobId(JOB))
    assert one.work().job.status == "succeeded"


def test_a_job_past_its_deadline_fails() -> None:
    one = desk(calls("read"), OUTAGE, deadline=timedelta(minutes=5)).work()
    assert (one.later(minutes=6).job.status, one.code) == ("failed", "deadline_exceeded")


def test_who_was_too_slow_leaves_the_step_to_who_has_it_now() -> None:
    one = desk(lambda: _taken_over(one), calls("read"), RAN, ACCEPT)
    slow = one.claim(0)
    assert one.advance(slow) is None
    assert one.job.steps[0].status == "claimed"
    assert len(one.job.steps) == 1


def test_what_a_slow_worker_did_is_known_to_who_took_over() -> None:
    one = desk(calls("pay"), ACCEPT)
    one.advance(one.claim(0))
    slow = one.claim(1)
    one.worker.driver.advance(slow, lambda: _lost(one))
    assert one.job.steps[1].status == "ready"
    one.work()
    assert (len(one.acted), one.job.status) == (1, "succeeded")


def test_a_step_of_an_agent_that_is_not_here_waits_for_a_worker() -> None:
    one = desk()
    one.worker.driver._book = lambda _: Lacking("it is not here", "agent:demo")
    one.work()
    assert (one.job.status, one.job.waits[0].wait.kind) == ("waiting", "worker")


def test_a_tool_that_fails_for_everybody_is_left_alone_for_a_while() -> None:
    agent = replace(DESK, tools={"read": replace(traits("read"), max_tries=20)})
    one = desk(calls("read"), *[OUTAGE] * 5, RAN, ACCEPT, agent=agent).work()
    for _ in range(5):
        one.later(seconds=8)
        if one.job.waits:
            break
    assert one.job.waits[1].wait.key == "tool:read"
    assert one.later(minutes=5).job.status == "succeeded"


@pytest.mark.parametrize("most", [2, 3])
def test_a_job_has_no_more_steps_than_it_may(most: int) -> None:
    done = desk(calls("read", "read"), answered(), max_steps=most).work()
    assert done.job.course.finalising == "max_steps" or done.code == "too_many_steps"


def _stopped(one: Desk) -> Planned:
    one.store.controls.stop(TENANT, JobId(JOB), reason="enough", now=False)
    return calls("read")


def _paused(one: Desk) -> Planned:
    one.store.controls.pause(TENANT, JobId(JOB), reason="lunch")
    return calls("read")


def _taken_over(one: Desk) -> Planned:
    """Somebody else has the step by the time that this worker is done."""
    one.clock.advance(timedelta(minutes=5))
    one.store.sweeps.expired()
    one.claim(0)
    return calls("read")


def _lost(one: Desk) -> Onward:
    """Lose the lease after the tool has acted, just before that is recorded."""
    one.clock.advance(timedelta(hours=1))
    one.store.sweeps.expired()
    return Onward()
