"""What litellm raises, as it names it, and what we make of it."""

from agent_workers.execution.models.classify import failure_of
from agent_workers.execution.models.failures import ErrorClass


class InternalServerError(Exception):
    """Named as litellm's own is, because names are what decides."""


def test_a_key_that_is_missing_is_a_refused_key_though_litellm_calls_it_a_server_error():
    error = InternalServerError("OpenAIException - Missing credentials. Please pass an `api_key`")
    assert failure_of(error).error_class is ErrorClass.AUTH


def test_any_other_server_error_stays_one():
    assert failure_of(InternalServerError("bad luck")).error_class is ErrorClass.SERVER_ERROR
