"""Opens files that nobody but their owner may read, also those that were made before with other modes."""

import os
from pathlib import Path
from typing import IO

_MODE = 0o600


def append_to(path: Path) -> IO[bytes]:
    return open(path, "ab", opener=_opened)  # `Path.open` takes no opener


def write_private(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8", opener=_opened) as file:  # as above
        file.write(text)


def _opened(path: str, flags: int) -> int:
    handle = os.open(path, flags, _MODE)
    os.fchmod(handle, _MODE)
    return handle
