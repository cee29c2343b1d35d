"""Runs one tool as a worker would, but for the engine around it: for tests of tools."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from pydantic import ValidationError

from agent_workers.domain.errors import ToolError
from agent_workers.domain.ids import effect_key
from agent_workers.domain.text.encoding import canonical
from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.domain.tools.tool import Call, Tool, Transaction
from agent_workers.execution.values.results import problems_of
from agent_workers.execution.values.signature import invoke, signature_of


def run_by_hand(
    tool: Tool,
    arguments: Mapping[str, object] | None = None,
    *,
    given: Sequence[object] = (),
    call: Call | None = None,
) -> object:
    """Check arguments, call the tool with these facilities, and hold the result against its type.

    The result is what a planner would see of it; a transactional tool's `Transaction` comes as it is.
    """
    signature = signature_of(tool)
    try:
        checked = signature.read(canonical(dict(arguments or {})))
    except ValidationError as error:
        raise ToolError(problems_of(error, whole="arguments")) from None
    returned = invoke(tool.function, checked, call or a_call(), Given(given), within=tool.timeout)
    told = returned.result if isinstance(returned, Transaction) else returned
    written = signature.result.promised(told)
    return returned if isinstance(returned, Transaction) else json.loads(written)


def a_call(*, tenant_id: str = "test", user_id: str = "", session_id: str = "") -> Call:
    """Make a `Call` as a worker does; its key follows from its job and its place in it."""
    job_id = uuid4()
    return Call(
        key=effect_key(job_id, 1).hex,
        tenant_id=tenant_id,
        job_id=job_id,
        position=1,
        attempt=1,
        user_id=user_id,
        session_id=session_id,
    )


@dataclass(frozen=True, slots=True)
class Given:
    """Finds a facility among fakes; a fake derives from the facility that it stands for."""

    fakes: Sequence[object]

    def __call__(self, wanted: type, call: Call) -> object:
        del call
        for fake in self.fakes:
            if wanted in type(fake).__mro__:
                return fake
        raise NotInstalled(
            f"the tool asks for {wanted.__name__}: pass a fake that derives from it in given="
        )
