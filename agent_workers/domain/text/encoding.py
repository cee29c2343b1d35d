"""Turning JSON values into bytes: canonical where they are compared, bounded where they are kept."""

import hashlib
import json

MOST_BYTES = 1 << 20
# How a value begins that had to be cut.
_CUT = b'{"truncated": true, "bytes": '


def canonical(value: object) -> bytes:
    """Write a value as the one sequence of bytes that stands for it; refuses NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def bounded(value: object) -> bytes:
    """Write a JSON value to be kept; of one that is too large only the beginning is."""
    written = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    if len(written) > MOST_BYTES:
        return _truncated(written)
    return written.encode("ascii")


def cut_from(written: bytes) -> int:
    """Say how many bytes `bounded` had to cut this from; 0: it is whole."""
    return int(json.loads(written)["bytes"]) if written.startswith(_CUT) else 0


def digest(written: bytes) -> bytes:
    return hashlib.sha256(written).digest()


def _truncated(written: str) -> bytes:
    kept = {
        "truncated": True,
        "bytes": len(written),
        "sha256": hashlib.sha256(written.encode("ascii")).hexdigest(),
        "start": written[: MOST_BYTES // 4],
    }
    return json.dumps(kept, ensure_ascii=True).encode("ascii")
