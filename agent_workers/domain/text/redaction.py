"""Takes secrets out of text by how they look: the one list, for logs and for what steps keep."""

import re
from typing import Final

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
_ENDS_OF_WORDS: Final = " \t\n,;|&'\"()[]{}<>"
_LONGEST: Final = 2_000


def without_secrets(whole: str, *, longest: int = _LONGEST) -> str:
    """Take out secrets, addresses and card numbers, and cut what is longer than `longest`."""
    # So much is looked through for secrets: taking them out makes a text shorter.
    looked_through = 4 * longest
    text = _SECRETS.sub("[secret]", ended_at_word(whole, looked_through))
    text = _IN_URL.sub(r"\1:[secret]@", text)
    text = _BEARER.sub(r"\1 [secret]", text)
    text = _EMAIL.sub("[email]", text)
    text = _CARD.sub(lambda found: "[card]" if _is_card(found.group()) else found.group(), text)
    if len(whole) <= looked_through and len(text) <= longest:
        return text
    return f"{text[:longest]}… (of {len(whole)} characters)"


def ended_at_word(whole: str, most: int) -> str:
    """Cut what is long between two words: nobody would know half of a secret by its look."""
    if len(whole) <= most:
        return whole
    end = max(whole.rfind(one, 0, most) for one in _ENDS_OF_WORDS)
    return whole[: end if end > 0 else most]


def _is_card(written: str) -> bool:
    """Luhn's check: order numbers and phone numbers mostly fail it."""
    digits = [int(digit) for digit in written if digit.isdigit()]
    doubled = (
        digit if place % 2 == 0 else (digit * 2 - 9 if digit > 4 else digit * 2)  # noqa: PLR2004
        for place, digit in enumerate(reversed(digits))
    )
    return sum(doubled) % 10 == 0
