"""What litellm raises, as it names it, and what we make of it."""

from datetime import timedelta

import pytest

from agent_workers.execution.models.failures import ErrorClass
from agent_workers.execution.models.litellm.classify import failure_of


class InternalServerError(Exception):
    """Named as litellm's own is, because names are what decides."""

    litellm_response_headers: dict[str, str]


class APIConnectionError(Exception):
    """The same."""


def test_a_key_that_is_missing_is_a_refused_key_though_litellm_calls_it_a_server_error():
    error = InternalServerError("OpenAIException - Missing credentials. Please pass an `api_key`")
    assert failure_of(error, model="m").error_class is ErrorClass.AUTH


def test_any_other_server_error_stays_one():
    failed = failure_of(InternalServerError("bad luck"), model="m")
    assert failed.error_class is ErrorClass.SERVER_ERROR


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ({"retry-after": "7"}, timedelta(seconds=7)),
        ({"retry-after-ms": "1500"}, timedelta(seconds=1.5)),
        ({"retry-after": "999999999"}, timedelta(days=1)),
        ({"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"}, timedelta(days=1)),
        ({"retry-after": "soon"}, None),
    ],
)
def test_a_model_is_waited_for_a_day_at_most(said: dict[str, str], wait: timedelta | None):
    error = InternalServerError("later")
    error.litellm_response_headers = said
    assert failure_of(error, model="m").retry_after == wait


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("litellm.InternalServerError: InternalServerError: OpenAIException - Slow", "Slow"),
        ("litellm.InternalServerError: AzureException Internal server error - No.", "No"),
        ("litellm.InternalServerError: OpenAIException - ", "server error"),
        ("", "server error"),
        ("no RateLimitError: at all", "no RateLimitError: at all"),
    ],
)
def test_a_failure_names_the_model_and_says_what_the_provider_said(said: str, told: str):
    failed = failure_of(InternalServerError(said), model="mine")
    assert str(failed) == failed.said == f"model 'mine' failed: {told}"


def test_a_model_that_cannot_be_reached_is_named_with_what_shows_its_address():
    error = APIConnectionError("litellm.APIConnectionError: OpenAIException - Connection error.")
    failed = failure_of(error, model="down")
    assert failed.said == "model 'down' failed: Connection error"
    assert str(failed) == (
        f"{failed.said} (is its server running, and reachable from the worker? "
        "`agent-workers models try down` tries it)"
    )
    assert failed.as_broke(worst_case_micro=0).message == str(failed)
