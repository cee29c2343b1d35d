"""Why a connection is sent away before what it asks for has come through the door."""

from api.problems import Problem


def too_slow() -> Problem:
    return Problem(code="request_timeout", detail="The request did not arrive in time.")


def too_large() -> Problem:
    return Problem(
        code="head_too_large", detail="The headers of the request are too many or too large."
    )


def no_trailers() -> Problem:
    return Problem(
        code="trailers_not_taken",
        detail="Trailers after the body are not accepted: send headers before it.",
    )


def too_many() -> Problem:
    return Problem(code="too_many_connections", detail="There are too many connections.")
