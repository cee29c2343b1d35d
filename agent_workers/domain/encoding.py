"""Turning values into JSON bytes: canonical where they are compared, total where they are kept."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence

MOST_BYTES = 1 << 20
_DEEPEST = 64
_SCALARS = (str, int, float, type(None))
# Python writes no longer integers in decimal.
_GREATEST = 10**4_000
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def canonical(value: object) -> bytes:
    """Write a value as the one sequence of bytes that stands for it; refuses NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def total(value: object) -> bytes:
    """Write any value at all as JSON. What JSON cannot hold is described; nothing raises."""
    try:
        written = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        written = json.dumps(_plain(value, ()), separators=(",", ":"), ensure_ascii=True)
    if len(written) > MOST_BYTES:
        return _truncated(written)
    return written.encode("ascii")


def digest(written: bytes) -> bytes:
    return hashlib.sha256(written).digest()


def _truncated(written: str) -> bytes:
    whole = hashlib.sha256(written.encode("ascii")).hexdigest()
    kept = {
        "truncated": True,
        "sha256": whole,
        "bytes": len(written),
        "start": written[: MOST_BYTES // 4],
    }
    return json.dumps(kept, ensure_ascii=True).encode("ascii")


def _plain(value: object, above: tuple[int, ...]) -> object:
    """Rebuild a value of what JSON knows; `above` are the containers that it stands in."""
    try:
        return _scalar(value) if isinstance(value, _SCALARS) else _container(value, above)
    except Exception:  # noqa: BLE001  # the value's own code may do anything; evidence must be kept
        return _described(value)


def _scalar(value: object) -> object:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"not_a_number": repr(value)}
    if isinstance(value, int) and abs(value) >= _GREATEST:
        return {"integer": hex(value)}
    return value


def _container(value: object, above: tuple[int, ...]) -> object:
    if len(above) >= _DEEPEST or id(value) in above:
        return {"too_deep": _described(value)}
    within = (*above, id(value))
    if isinstance(value, Mapping):
        return {_key(key): _plain(item, within) for key, item in value.items()}
    if isinstance(value, bytes | bytearray):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(item, within) for item in value]
    return _described(value)


def _key(key: object) -> str:
    return key if isinstance(key, str) else _described(key)


def _described(value: object) -> str:
    try:
        return repr(value)[:10_000]
    except Exception:  # noqa: BLE001  # a repr may do anything; evidence must be kept all the same
        return f"{_REPLACEMENT} {type(value).__name__}"
