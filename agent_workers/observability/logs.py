"""Sets up logging for a process: events with fields, one line each, with secrets taken out."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from agent_workers.domain.text.printable import printable, printable_line
from agent_workers.domain.text.redaction import without_secrets
from agent_workers.domain.trouble import MOST_OF_TRACEBACK

_SECRET_NAMES = re.compile(
    r"pass(word|wd|phrase)?$|secret|token$|api[_-]?key|authorization|cookie|credential|pepper"
    r"|private[_-]?key|signature",
    re.IGNORECASE,
)
_LONGEST = 2_000
# Its end says most, and is cut off first.
_LONGEST_OF = {"exception": MOST_OF_TRACEBACK}
_DEEPEST = 6
_MOST_ITEMS = 50
# What the chain itself has put there.
_OWN = frozenset({"level", "logger", "ts"})
REDACTED = "[redacted]"
# Two lines for every message that is received cost more than answering it; the journal holds more.
# And every statement, where SQLAlchemy is asked to tell what it does.
_CHATTY = ("celery.app.trace", "celery.worker.strategy", "sqlalchemy")
# What they say at DEBUG is about themselves, and hides what we and the user's tools say.
# SQLAlchemy begins at WARNING by itself.
_LIBRARIES = (
    *("LiteLLM", "alembic", "amqp", "asyncio", "botocore", "celery", "flower", "httpcore", "httpx"),
    *("kombu", "multiprocessing", "openai", "psycopg", "redis", "tornado"),
    *("urllib3", "uvicorn"),
)

# Any: a log event holds whatever was logged.
Event = MutableMapping[str, Any]


def set_up_logs(
    *,
    level: str = "INFO",
    json: bool = True,
    libraries: Sequence[str] = (),
    secrets: Sequence[str] = (),
    to: TextIO = sys.stderr,
) -> None:
    """Send our own events and those of every library through the same chain to one stream.

    With DEBUG, only the libraries that are named say all that they could.
    `secrets`: values that are taken out wherever they stand, whatever they look like.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.format_exc_info,
        redact,  # towards the end: tracebacks hold secrets too
        *([partial(_without, secrets)] if secrets else []),
    ]
    renderers: list[Processor] = (
        [structlog.processors.JSONRenderer()]
        if json
        else [_printable, structlog.dev.ConsoleRenderer(colors=to.isatty(), timestamp_key="ts")]
    )
    stream = logging.StreamHandler(to)
    stream.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers = [stream]
    root.setLevel(level)
    for name in _LIBRARIES if level == "DEBUG" else ():
        logging.getLogger(name).setLevel("INFO")
    for name in _CHATTY:
        logging.getLogger(name).setLevel("WARNING")
    for name in libraries:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)  # noqa: FBT003 (it takes no name)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _printable(_: object, __: str, event: Event) -> Event:
    """A terminal is shown the colours of our own alone, and one event is one line."""
    for name, value in event.items():
        if isinstance(value, str):
            is_trace = name in {"exception", "stack"}
            event[name] = printable(value) if is_trace else printable_line(value)
    return event


def redact(_: object, __: str, event: Event) -> Event:
    """Take out what must not be in a log, by the names of fields and by the look of values."""
    for name, value in event.items():
        # What begins so structlog hands on to itself.
        if name not in _OWN and not name.startswith("_"):
            event[name] = scrubbed(value, name)
    return event


def _without(secrets: Sequence[str], _: object, __: str, event: Event) -> Event:
    for name, value in event.items():
        if not name.startswith("_"):
            event[name] = _hidden(value, secrets)
    return event


def _hidden(value: object, secrets: Sequence[str]) -> object:
    match value:
        case str():
            for secret in secrets:
                value = value.replace(secret, REDACTED)
            return value
        case Mapping():
            return {_hidden(key, secrets): _hidden(item, secrets) for key, item in value.items()}
        case list():
            return [_hidden(item, secrets) for item in value]
        case _:
            return value


def scrubbed(value: object, name: str = "", depth: int = 0) -> object:
    if value is not None and not isinstance(value, bool | int) and _SECRET_NAMES.search(name):
        return REDACTED
    if isinstance(value, str):
        return without_secrets(value, longest=_LONGEST_OF.get(name, _LONGEST))
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if depth >= _DEEPEST and isinstance(value, Mapping | Sequence):
        return "[too deep]"
    if isinstance(value, Mapping):
        items = islice(value.items(), _MOST_ITEMS)
        return {
            without_secrets(str(key)): scrubbed(item, str(key), depth + 1) for key, item in items
        }
    if isinstance(value, Sequence):
        return [scrubbed(item, name, depth + 1) for item in value[:_MOST_ITEMS]]
    return value
