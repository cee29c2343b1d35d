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

from agent_workers.domain.printable import printable, printable_line

_SECRET_NAMES = re.compile(
    r"pass(word|wd|phrase)?$|secret|token$|api[_-]?key|authorization|cookie|credential|pepper"
    r"|private[_-]?key|signature",
    re.IGNORECASE,
)
# What a database, a broker, a model provider or we ourselves hand out as a secret.
_SECRETS = re.compile(
    r"aw_live_[0-9a-zA-Z_]{8,}|whsec_[A-Za-z0-9+/=]{8,}|\bsk-[A-Za-z0-9_\-]{8,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|xox[baprs]-[A-Za-z0-9-]{10,}"
    r"|eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]+){0,2}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|$)",
    re.DOTALL,
)
# Each of these is bounded or cannot fail once it has begun: others choose what we log.
_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@]*):[^\s/@]+@")
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+")
_CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
_LONGEST = 2_000
# So much is looked through for secrets: taking them out makes a text shorter.
_LOOKED_THROUGH = 4 * _LONGEST
_ENDS_OF_WORDS = " \t\n,;|&'\"()[]{}<>"
_DEEPEST = 6
_MOST_ITEMS = 50
REDACTED = "[redacted]"
# Two lines for every message that is received cost more than answering it; the journal holds more.
_CHATTY = ("celery.app.trace", "celery.worker.strategy")

# Any: a log event holds whatever was logged.
Event = MutableMapping[str, Any]


def set_up_logs(
    *,
    level: str = "INFO",
    json: bool = True,
    to: TextIO = sys.stderr,
    secrets: Sequence[str] = (),
) -> None:
    """Send our own events and those of every library through the same chain to one stream.

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
        else [_printable, structlog.dev.ConsoleRenderer(colors=to.isatty())]
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
    for name in _CHATTY:
        logging.getLogger(name).setLevel("DEBUG" if level == "DEBUG" else "WARNING")
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
        if not name.startswith("_"):  # what structlog hands on to itself
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
        return _scrubbed_text(value)
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if depth >= _DEEPEST and isinstance(value, Mapping | Sequence):
        return "[too deep]"
    if isinstance(value, Mapping):
        items = islice(value.items(), _MOST_ITEMS)
        return {
            _scrubbed_text(str(key)): scrubbed(item, str(key), depth + 1) for key, item in items
        }
    if isinstance(value, Sequence):
        return [scrubbed(item, name, depth + 1) for item in value[:_MOST_ITEMS]]
    return value


def _scrubbed_text(whole: str) -> str:
    text = _SECRETS.sub("[secret]", _beginning(whole))
    text = _IN_URL.sub(r"\1:[secret]@", text)
    text = _BEARER.sub(r"\1 [secret]", text)
    text = _EMAIL.sub("[email]", text)
    text = _CARD.sub(lambda found: "[card]" if _is_card(found.group()) else found.group(), text)
    if len(whole) <= _LOOKED_THROUGH and len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… (of {len(whole)})"


def _beginning(whole: str) -> str:
    """Cut what is long between two words: nobody would know half of a secret by its look."""
    if len(whole) <= _LOOKED_THROUGH:
        return whole
    end = max(whole.rfind(one, 0, _LOOKED_THROUGH) for one in _ENDS_OF_WORDS)
    return whole[: end if end > 0 else _LOOKED_THROUGH]


def _is_card(written: str) -> bool:
    """Luhn's check: order numbers and phone numbers mostly fail it."""
    digits = [int(digit) for digit in written if digit.isdigit()]
    doubled = (
        digit if place % 2 == 0 else (digit * 2 - 9 if digit > 4 else digit * 2)  # noqa: PLR2004
        for place, digit in enumerate(reversed(digits))
    )
    return sum(doubled) % 10 == 0
