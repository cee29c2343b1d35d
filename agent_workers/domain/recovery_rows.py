"""The table of recovery: for every code of a failure, the ways to go on, in order, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Way(StrEnum):
    """One way to go on; who takes it stands beside it."""

    PARK = (
        "park"  # the engine: the step waits for a breaker, a quota or a worker, no try is used up
    )
    RETRY_IN_PLACE = "retry_in_place"  # the ladder of models: at once, within the same attempt
    RETRY = "retry"  # the engine: the step gets a due time
    OTHER_MODEL = "other_model"  # the ladder of models: the next target, a cheaper one as well
    OTHER_TOOL = "other_tool"  # the engine: the tool's fallback, with the same arguments
    CACHED_ANSWER = "cached_answer"  # the engine: what the tool gave earlier, if it says so
    OTHER_AGENT = "other_agent"  # the engine: the agent's fallback takes over, once per job
    REPLAN = "replan"  # the engine: the failure is data for whoever judges and plans
    # The engine: the tool says that a person is asked, once per call. Without other ways: the
    # effect protocol and the quarantine, the job waits for a verdict.
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Row:
    ways: tuple[Way, ...]
    why: str
    # For end users, when the job fails with it.
    user_message: str


_BUSY: Final = "A service that is needed for this is not available. Please try again later."
_OURS: Final = "Something is set up wrongly on our side. The operator has to look at it."
_LIMIT: Final = "This took more work, time or money than it was allowed to."
_NOT_DONE: Final = "A part of this could not be done, so it was not finished."
_NO_ANSWER: Final = "No answer could be found to this request."
_DECLINED: Final = "This request was declined."
_CHECK: Final = "It is not certain what was done. A person is looking at it."

_AFTERWARDS: Final = (Way.PERSON, Way.REPLAN, Way.OTHER_AGENT)
# Nobody has said no, so what was true lately is better than nothing.
_TOOL: Final = (Way.PARK, Way.RETRY, Way.OTHER_TOOL, Way.CACHED_ANSWER, *_AFTERWARDS)
_WRITES: Final = (Way.PARK, Way.RETRY, Way.OTHER_TOOL, *_AFTERWARDS)
_REFUSED: Final = (Way.OTHER_TOOL, *_AFTERWARDS)
_SHOWN: Final = (Way.REPLAN,)
_MODEL: Final = (Way.OTHER_MODEL, Way.PARK, Way.RETRY, Way.OTHER_AGENT)
_MODEL_UNFIT: Final = (Way.OTHER_MODEL, Way.OTHER_AGENT)
_WAIT: Final = (Way.RETRY,)
# Of an effect that may have happened tries are counted: a person is asked in the end.
_SERVED: Final = (Way.PARK, Way.RETRY)
_END: Final = (Way.OTHER_AGENT,)

ROWS: Final[Mapping[str, Row]] = {
    # Tools, and whatever else is users' code.
    "connection": Row(_TOOL, "the connection failed; most such failures pass", _BUSY),
    "timeout": Row(_TOOL, "it did not finish in time; the next attempt may", _BUSY),
    "unavailable": Row(_TOOL, "the server said so (5xx)", _BUSY),
    "rate_limited": Row(
        _TOOL, "the server asked to wait (429); its Retry-After is honoured", _BUSY
    ),
    "auth": Row(_TOOL, "jobs wait behind the breaker until an operator corrects the key", _OURS),
    "try_later": Row(_TOOL, "the tool asked for a later attempt", _BUSY),
    "not_executed": Row(_TOOL, "it certainly did not happen, so a retry is safe", _BUSY),
    "exception": Row(_TOOL, "the cause is unknown; a retry is cheap", _NOT_DONE),
    "refused": Row(_REFUSED, "the server refused the request (4xx)", _NOT_DONE),
    "mistake": Row(_REFUSED, "an error in code or data would happen again", _OURS),
    "tool_error": Row(_REFUSED, "the tool said that it failed for good", _NOT_DONE),
    "statement_refused": Row(_REFUSED, "the database refused a transactional tool", _NOT_DONE),
    "statement_failed": Row(_WRITES, "a deadlock or a time-out rolled it back", _BUSY),
    "bad_result": Row(
        (Way.OTHER_TOOL, Way.CACHED_ANSWER, *_AFTERWARDS),
        "its result does not match its declared type",
        _OURS,
    ),
    "asked_already": Row(
        (Way.PARK, Way.RETRY),
        "another worker is making the same call; its result will be used",
        _BUSY,
    ),
    "no_transaction": Row(_REFUSED, "a transactional tool did not return a `Transaction`", _OURS),
    "breaker_open": Row(
        (Way.OTHER_TOOL, Way.CACHED_ANSWER, Way.PARK),
        "it failed too often; one probe goes first",
        _BUSY,
    ),
    "bad_arguments": Row(_SHOWN, "the planner can correct them", _NOT_DONE),
    "effect_not_done": Row(_REFUSED, "it is certain that no attempt took effect", _NOT_DONE),
    "effect_abandoned": Row(
        _SHOWN, "it may have happened, so nothing else may do it instead", _CHECK
    ),
    # Other agents, events and people.
    "child_failed": Row(_SHOWN, "another agent's job failed; its error is data", _NOT_DONE),
    "child_canceled": Row(_SHOWN, "another agent's job was canceled", _NOT_DONE),
    "too_deep": Row(_SHOWN, "jobs start jobs only down to the agent's `max_depth`", _LIMIT),
    "not_in_team": Row(_SHOWN, "the other agent is not in this agent's `team`", _OURS),
    "agent_retired": Row(_SHOWN, "an operator retired the agent that was asked for", _OURS),
    "budget": Row(_SHOWN, "there is no money for another job", _LIMIT),
    "timed_out": Row(_SHOWN, "nobody answered in time", _NO_ANSWER),
    "job_not_found": Row(_SHOWN, "an event was sent to a job that does not exist", _NOT_DONE),
    "job_has_ended": Row(_SHOWN, "an event was sent to a job that has ended", _NOT_DONE),
    "sent_otherwise": Row(_SHOWN, "the same event was sent before with different data", _NOT_DONE),
    # The protocol of effects, and dead workers.
    "permit_late": Row(_WAIT, "the tool was not called; no try is used up", _BUSY),
    "waiting_for_quiet": Row(
        _WAIT, "an earlier attempt may still take effect; no try is used up", _CHECK
    ),
    "no_lookup": Row(
        _WAIT,
        "a failed look-up proves nothing; it is repeated, and in the end the effect is in doubt",
        _CHECK,
    ),
    "in_doubt": Row((Way.PERSON,), "nobody can know whether it happened", _CHECK),
    "poisoned": Row((Way.PERSON,), "the step killed three workers", _CHECK),
    # Workers.
    "broken": Row(_TOOL, "an unexpected error counts as an attempt", _OURS),
    "unknown_agent": Row(_SERVED, "another worker may have it, or start later", _OURS),
    "unknown_tool": Row(_SERVED, "another worker may have it, or start later", _OURS),
    "no_model": Row(_END, "this worker has loaded no models", _OURS),
    # Models.
    "model_rate_limit": Row(
        _MODEL, "every worker waits as the provider's 429 and its Retry-After ask", _BUSY
    ),
    "model_overloaded": Row(_MODEL, "an overloaded provider usually recovers", _BUSY),
    "model_server_error": Row(_MODEL, "server errors (5xx) usually pass", _BUSY),
    "model_timeout": Row(
        _MODEL, "no complete answer came in time; another model may be faster", _BUSY
    ),
    "model_connection": Row(_MODEL, "the provider did not answer", _BUSY),
    "model_breaker_open": Row(_MODEL, "it failed too often; one probe goes first", _BUSY),
    "model_malformed": Row(
        (Way.RETRY_IN_PLACE, *_MODEL), "shown its mistake, a model often corrects it", _NO_ANSWER
    ),
    "model_auth": Row(
        _MODEL, "jobs wait behind the breaker until an operator corrects the key", _OURS
    ),
    "model_quota": Row(
        _MODEL, "jobs wait behind the breaker until an operator raises the quota", _OURS
    ),
    "model_truncated": Row(_MODEL_UNFIT, "the same model would be cut off again", _NO_ANSWER),
    "model_not_found": Row(_MODEL_UNFIT, "the provider does not have the model", _OURS),
    "model_context_window": Row(
        _MODEL_UNFIT, "another model may have a larger context window", _NO_ANSWER
    ),
    "model_unsupported": Row(_MODEL_UNFIT, "another model may support it", _OURS),
    "model_unpriced": Row(_MODEL_UNFIT, "the model has no known price", _OURS),
    "model_budget": Row(_END, "the call may cost more than what is left", _LIMIT),
    "model_bad_request": Row(_END, "every model would refuse it", _OURS),
    "model_content_policy": Row(_END, "what one model refused is not sent to another", _DECLINED),
    "model_refused": Row(_END, "the model refused", _DECLINED),
    "model_unknown": Row(_END, "neither the cause nor the cost is known", _NO_ANSWER),
    # Planning and judging.
    "gave_up": Row(_END, "the planner gave up", _NO_ANSWER),
    "bad_return": Row(
        _END, "a planner or evaluator returned something that it may not return", _OURS
    ),
    "empty_plan": Row(_END, "the plan has neither tool calls nor an answer", _NO_ANSWER),
    "invalid_plan": Row(_END, "the plan was still invalid after all its corrections", _NO_ANSWER),
    "evaluation_failed": Row(_END, "the result is not what was asked for", _NO_ANSWER),
    "too_many_tools": Row(_END, "the plan makes more calls at once than the agent allows", _LIMIT),
    "too_many_steps": Row((), "the job's own limit", _LIMIT),
    "too_many_bytes": Row((), "the limit on what a job stores", _LIMIT),
    "too_many_rounds": Row(_END, "the agent's limit", _LIMIT),
    "too_many_model_calls": Row(_END, "the agent's limit", _LIMIT),
    "too_many_tool_calls": Row(_END, "the agent's limit", _LIMIT),
    "too_many_calls_of_a_tool": Row(_END, "the agent's limit", _LIMIT),
    "too_many_tokens": Row(_END, "the agent's limit", _LIMIT),
    "too_many_replans": Row(_END, "the agent's limit", _LIMIT),
    "deadline_near": Row((), "another agent would have no time either", _LIMIT),
    "deadline_exceeded": Row((), "another agent would have no time either", _LIMIT),
    "budget_spent": Row((), "another agent would have no money either", _LIMIT),
    "turn_stuck": Row(
        (), "nobody knows what the job did, and other jobs of its session waited for it", _CHECK
    ),
}
