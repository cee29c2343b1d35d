"""The tool router: runs one call of one tool, and says in the engine's words what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from agent_workers.domain.claim import Claimed
from agent_workers.domain.errors import (
    BadResult,
    FacilityAway,
    FacilityError,
    NotExecuted,
    ToolError,
    TryLater,
)
from agent_workers.domain.ids import EffectKey, effect_key
from agent_workers.domain.reply import Happened, NotDone, Reply, Seen, Unclear, Written
from agent_workers.domain.step import Broke, ToolFailed, ToolRan
from agent_workers.domain.tools.facility import Give, no_facilities
from agent_workers.domain.tools.remembered import Remembered
from agent_workers.domain.tools.tool import (
    Absent,
    Call,
    Contradictory,
    Found,
    Statement,
    Transaction,
)
from agent_workers.domain.tracing import trouble_of
from agent_workers.execution.agents.registry import LoadedTool
from agent_workers.execution.agents.roster import Find
from agent_workers.execution.models.wrappers.answers_in_memory import NoAnswers
from agent_workers.execution.tools.caching import ToolResults, kept, shared
from agent_workers.execution.tools.calling import Given, call_look_up, call_tool
from agent_workers.execution.tools.remembered_in_memory import NoToolAnswers
from agent_workers.execution.tools.remembering import ToolAnswers, recall, remember
from agent_workers.execution.users_code.breaking import broke_of
from agent_workers.execution.values.plain import gave_of, no_sight
from agent_workers.execution.values.results import problems_of


@dataclass(frozen=True, slots=True)
class _Returned:
    """What a tool returned: anything at all, so it is told apart by its wrapping."""

    value: object


@dataclass(frozen=True, slots=True)
class ToolRouter:
    """Finds a step's tool among its agent's, and calls it with checked arguments."""

    find: Find
    answers: ToolAnswers = field(default_factory=NoToolAnswers)
    give: Give = no_facilities
    results: ToolResults = field(default_factory=NoAnswers)
    # What an isolated tool cannot read, wherever it lies.
    hides: Sequence[Path] = ()

    def kept(self, claimed: Claimed) -> ToolRan | None:
        """Find a result that serves again, so that the tool need not be called."""
        return kept(self.results, claimed, self._tool(claimed))

    def run(self, claimed: Claimed) -> ToolRan | ToolFailed | Broke:
        """Run a pure tool; of equal calls of a tool whose results serve for a while, one."""
        return shared(self.results, claimed, self._tool(claimed), lambda: self._run(claimed))

    def _run(self, claimed: Claimed) -> ToolRan | ToolFailed | Broke:
        tool = self._tool(claimed)
        returned = self._returned(claimed)
        if not isinstance(returned, _Returned):
            return returned
        result = _promised(tool, returned.value)
        if isinstance(result, ToolFailed):
            return result
        remember(self.answers, claimed, tool, result)
        return ToolRan(result=result)

    def act(self, claimed: Claimed, request: bytes, *, key: EffectKey, attempt: int) -> Reply:
        """Run a tool that leaves a mark, with the bytes that were intended."""
        tool = self._tool(claimed)
        arguments = _read(tool, request)
        if isinstance(arguments, ToolFailed):
            return NotDone(broke=arguments)
        try:
            call = _call(claimed, key, attempt)
            result = call_tool(tool.declared, arguments, request, call, self._given())
        except NotExecuted as error:
            return NotDone(broke=broke_of(error, retryable=True))
        except TryLater as error:
            return Unclear(broke=broke_of(error, retryable=True))
        except ToolError as error:
            return NotDone(broke=_refused(error))
        # Whatever else it was: the effect may have happened before. Only the tool can say that it
        # did not, in words of its own; no exception that passes through it says so.
        except Exception as error:  # noqa: BLE001  # see above
            return Unclear(broke=broke_of(error, retryable=True))
        return Happened(result=tool.signature.result.kept(result))

    def objection(self, claimed: Claimed, result: bytes) -> str:
        """Say how the result of an effect is not what its tool declares; it happened all the same."""
        return self._tool(claimed).signature.result.objection(result)

    def look_up(self, claimed: Claimed, request: bytes, *, key: EffectKey) -> Seen:
        """Ask the tool's look-up whether its effect happened."""
        tool = self._tool(claimed)
        if tool.declared.look_up is None:
            return Seen(
                broke=Broke(
                    code="no_lookup",
                    message=f"tool {claimed.tool!r} has no look-up",
                    retryable=False,
                )
            )
        arguments = _read(tool, request)
        if isinstance(arguments, ToolFailed):
            message = f"it does not take its arguments: {arguments.message}"
            return Seen(broke=Broke(code=arguments.code, message=message, retryable=False))
        try:
            call = _call(claimed, key)
            saw = call_look_up(tool.declared, arguments, request, call, self._given())
        except Exception as error:  # noqa: BLE001  # a failed look-up has seen nothing, whatever failed
            return Seen(broke=broke_of(error))
        match saw:
            case Found():
                return Seen(found=True, result=tool.signature.result.kept(saw.result))
            case Absent():
                return Seen(found=False)
            case Contradictory():
                return Seen(contradictory=saw.reason)
            case _:
                return Seen(contradictory=no_sight(saw))

    def write(self, claimed: Claimed) -> Written | ToolFailed | Broke:
        """Ask a transactional tool for its statements; they run with the record."""
        returned = self._returned(claimed)
        if not isinstance(returned, _Returned):
            return returned
        wish = returned.value
        if not isinstance(wish, Transaction) or not all(
            isinstance(one, Statement) for one in wish.statements
        ):
            return ToolFailed(code="no_transaction", message=_no_transaction(claimed.tool, wish))
        result = _promised(self._tool(claimed), wish.result)
        if isinstance(result, ToolFailed):
            return result
        return Written(statements=wish.statements, result=result)

    def takes(self, claimed: Claimed, tool: str) -> bool:
        """Say whether another tool of the same agent takes the arguments of this step."""
        other = self.find(claimed).tools.get(tool)
        return other is not None and not isinstance(_read(other, claimed.arguments), ToolFailed)

    def recall(self, claimed: Claimed, tool: str) -> Remembered | None:
        """Find what a tool of the same agent gave earlier for the arguments of this step."""
        other = self.find(claimed).tools.get(tool)
        return None if other is None else recall(self.answers, claimed, other)

    def _returned(self, claimed: Claimed) -> _Returned | ToolFailed | Broke:
        """Call a tool that leaves no mark outside; whatever it raises comes back as a value."""
        tool = self._tool(claimed)
        written = claimed.arguments
        arguments = _read(tool, written)
        if isinstance(arguments, ToolFailed):
            return arguments
        try:
            call = _call(claimed)
            return _Returned(call_tool(tool.declared, arguments, written, call, self._given()))
        except (TryLater, FacilityAway) as error:
            return broke_of(error, retryable=True)
        except (ToolError, FacilityError) as error:
            return _refused(error)
        except Exception as error:  # noqa: BLE001  # a tool is the user's code: it may raise anything
            return broke_of(error)

    def _given(self) -> Given:
        return Given(give=self.give, hides=self.hides)

    def _tool(self, claimed: Claimed) -> LoadedTool:
        return self.find(claimed).tools[claimed.tool]


def _refused(error: ToolError | FacilityError) -> ToolFailed:
    return ToolFailed(code=error.code, message=str(error), trouble=trouble_of(error))


def _no_transaction(tool: str, wish: object) -> str:
    gave = f"returned {gave_of(wish)}"
    if isinstance(wish, Transaction):
        gave = "returned a Transaction that holds something other than Statements"
    return f"{tool} is transactional but {gave}; return a Transaction of Statements and a result"


def _read(tool: LoadedTool, written: bytes) -> dict[str, object] | ToolFailed:
    """Check arguments before the tool is called."""
    try:
        return tool.signature.read(written)
    except ValidationError as error:
        return ToolFailed(code="bad_arguments", message=problems_of(error, whole="arguments"))
    except Exception as error:  # noqa: BLE001  # a user's validator may raise anything
        message = f"they cannot be checked: {type(error).__name__}: {error}"[:500]
        return ToolFailed(code="bad_arguments", message=message, trouble=trouble_of(error))


def _promised(tool: LoadedTool, result: object) -> bytes | ToolFailed:
    """Write a result that nothing outside depends on, unless it is not what the tool declares."""
    try:
        return tool.signature.result.promised(result)
    except BadResult as error:
        return ToolFailed(code=error.code, message=str(error))
    except Exception as error:  # noqa: BLE001  # a value's own code may raise anything
        message = f"what {tool.declared.name} returned cannot be written: {type(error).__name__}"
        return ToolFailed(code=BadResult.code, message=message)


def _call(claimed: Claimed, key: EffectKey | None = None, attempt: int = 1) -> Call:
    stable = key or effect_key(claimed.root_id, claimed.position)
    return Call(
        key=stable.hex,
        tenant_id=claimed.tenant_id,
        job_id=claimed.job_id,
        position=claimed.position,
        attempt=attempt,
        user_id=claimed.user_id,
        session_id=claimed.session_id,
    )
