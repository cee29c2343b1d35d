"""Whether this machine has a boundary that programs of ours can run behind at all."""

import sys

import pytest

from agent_workers.execution.sandbox.confining.confined import confine
from agent_workers.execution.sandbox.ports import NoBoundary


def why_no_boundary() -> str:
    """Say why nothing that our own Python runs can be confined; nothing when it can."""
    try:
        confine([sys.executable])
    except NoBoundary as error:
        return str(error)
    return ""


needs_a_boundary = pytest.mark.skipif(bool(why_no_boundary()), reason=why_no_boundary() or "-")
