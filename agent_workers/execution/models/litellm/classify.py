"""Turns what litellm raises into `ModelFailed`, by the names of its exception classes."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Final

from agent_workers.execution.models.failures import ErrorClass, ModelFailed

# What providers themselves call it; litellm looks for words in the message instead.
_BY_CODE: Final = {
    "insufficient_quota": ErrorClass.QUOTA,
    "context_length_exceeded": ErrorClass.CONTEXT_WINDOW,
    "content_policy_violation": ErrorClass.CONTENT_POLICY,
    "content_filter": ErrorClass.CONTENT_POLICY,
}
# litellm calls these an "internal server error" with status 500, though no server said so.
_BY_CAUSE: Final = {
    "JSONDecodeError": ErrorClass.MALFORMED,
    "APIConnectionError": ErrorClass.CONNECTION,
}
# A server that says "in thirty years" does not mean it.
_LONGEST_WAIT: Final = timedelta(days=1)
# The first class of an exception's ancestry that is named here decides. Names, not classes:
# so that neither this table nor its tests load litellm. A test proves that litellm has each.
BY_NAME: Final = {
    "ContextWindowExceededError": ErrorClass.CONTEXT_WINDOW,
    "ContentPolicyViolationError": ErrorClass.CONTENT_POLICY,
    "UnsupportedParamsError": ErrorClass.UNSUPPORTED,
    "PaymentRequiredError": ErrorClass.QUOTA,
    "JSONSchemaValidationError": ErrorClass.MALFORMED,
    "APIResponseValidationError": ErrorClass.MALFORMED,
    "RateLimitError": ErrorClass.RATE_LIMIT,
    "Timeout": ErrorClass.TIMEOUT,
    "AuthenticationError": ErrorClass.AUTH,
    "PermissionDeniedError": ErrorClass.AUTH,
    "NotFoundError": ErrorClass.NOT_FOUND,
    "BadRequestError": ErrorClass.BAD_REQUEST,
    "UnprocessableEntityError": ErrorClass.BAD_REQUEST,
    "ServiceUnavailableError": ErrorClass.OVERLOADED,
    "BadGatewayError": ErrorClass.SERVER_ERROR,
    "InternalServerError": ErrorClass.SERVER_ERROR,
    "APIConnectionError": ErrorClass.CONNECTION,
}
_BY_STATUS: Final = {
    401: ErrorClass.AUTH,
    402: ErrorClass.QUOTA,
    403: ErrorClass.AUTH,
    404: ErrorClass.NOT_FOUND,
    408: ErrorClass.TIMEOUT,
    429: ErrorClass.RATE_LIMIT,
    503: ErrorClass.OVERLOADED,
    529: ErrorClass.OVERLOADED,
}
# Providers answer 429 both for "slow down" and for "you have no money left".
_QUOTA_WORDS: Final = ("exceeded your current quota", "per-day", "per day", "credit")
# The provider's own client says so before it sends anything; litellm makes a 500 of it.
_NO_KEY_WORDS: Final = "missing credentials"
# litellm's own advice is about switches that are not there.
_ADVICE: Final = "To drop "
_UNSUPPORTED: Final = (
    "(take it out of model_settings or models.yaml; `drop_unsupported: true` there leaves it out)"
)
# Without the address, which is the operator's: tenants read this too.
_UNREACHED: Final = (
    "is its server running, and reachable from the worker? `agent-workers models try {}` tries it"
)
# What litellm puts before the words of a provider: its own classes, most of them twice.
_PREFIXES: Final = re.compile(
    r"^(?:litellm\.\w+: |APIError: |Timeout Error: |\w+Exception(?:: |(?: \w[\w ]*)? - )"
    rf"|(?:{'|'.join(BY_NAME)}): )+"
)
_MESSAGE_CHARS = 300
_CHAIN_LENGTH = 8


def failure_of(
    error: Exception, *, model: str, hidden: Callable[[str], str] = lambda text: text
) -> ModelFailed:
    """Say of a model what class of failure a litellm exception is and when a retry makes sense."""
    # A stream that breaks comes wrapped in something that says 503, whatever it was.
    wrapped = getattr(error, "original_exception", None)
    if isinstance(wrapped, Exception):
        failed = failure_of(wrapped, model=model, hidden=hidden)
        # What was said before it broke is billed.
        failed.may_have_cost |= not getattr(error, "is_pre_first_chunk", False)
        return failed
    # litellm puts whole tracebacks into some messages.
    said = str(error).partition("Traceback (most")[0]
    message = hidden(" ".join(said.split()))
    error_class = _class_of(error, message[:_MESSAGE_CHARS].lower())
    # The space: a provider that says nothing leaves litellm's prefixes alone, and they end in one.
    words = _PREFIXES.sub("", f"{message[: 2 * _MESSAGE_CHARS]} ").strip()[:_MESSAGE_CHARS]
    if error_class is ErrorClass.UNSUPPORTED:
        words = f"{words.partition(_ADVICE)[0].strip()} {_UNSUPPORTED}"
    told = f"model {model!r} failed: {words.removesuffix('.') or error_class.replace('_', ' ')}"
    failed = ModelFailed(error_class, told, retry_after=_retry_after(error))
    if error_class is ErrorClass.CONNECTION:
        failed.advising(_UNREACHED.format(model))
    return failed


def _class_of(error: Exception, message: str) -> ErrorClass:
    chain = tuple(islice(_chain(error), _CHAIN_LENGTH))
    codes = (_BY_CODE.get(str(getattr(link, "code", None))) for link in chain)
    found = next(filter(None, codes), None) or _class_named(error)
    if found is ErrorClass.RATE_LIMIT and any(words in message for words in _QUOTA_WORDS):
        return ErrorClass.QUOTA
    if found is ErrorClass.SERVER_ERROR and _NO_KEY_WORDS in message:
        return ErrorClass.AUTH
    if found is ErrorClass.SERVER_ERROR:
        causes = (_BY_CAUSE.get(type(link).__name__) for link in chain)
        return next(filter(None, causes), found)
    return found


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _class_named(error: Exception) -> ErrorClass:
    named = (BY_NAME.get(ancestor.__name__) for ancestor in type(error).__mro__)
    return next(filter(None, named), None) or _class_of_status(getattr(error, "status_code", None))


def _class_of_status(status: object) -> ErrorClass:
    if not isinstance(status, int):
        return ErrorClass.UNKNOWN
    is_server_error = status >= 500  # noqa: PLR2004 - where HTTP draws the line
    otherwise = ErrorClass.SERVER_ERROR if is_server_error else ErrorClass.BAD_REQUEST
    return _BY_STATUS.get(status, otherwise)


def _retry_after(error: Exception) -> timedelta | None:
    wish = _wish_of(_headers_of(error))
    return None if wish is None else min(wish, _LONGEST_WAIT)


def _wish_of(headers: Mapping[str, object]) -> timedelta | None:
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return timedelta(milliseconds=milliseconds)
    value = headers.get("retry-after")
    seconds = _number(value)
    return timedelta(seconds=seconds) if seconds is not None else _until(value)


def _headers_of(error: Exception) -> Mapping[str, object]:
    """Read what the provider sent; litellm 1.106 leaves `response.headers` empty."""
    candidates = (
        getattr(error, "litellm_response_headers", None),
        getattr(getattr(error, "response", None), "headers", None),
    )
    return next((h for h in candidates if isinstance(h, Mapping) and h), {})


def _number(value: object) -> float | None:
    text = str(value).strip()
    # Nine digits: more would not fit a timedelta, and no provider means it.
    return float(text) if text.replace(".", "", 1).isdigit() and len(text) <= 9 else None  # noqa: PLR2004


def _until(value: object) -> timedelta | None:
    try:
        moment = parsedate_to_datetime(str(value))
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(aware - datetime.now(UTC), timedelta())
