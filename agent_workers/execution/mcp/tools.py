"""Tools of MCP servers as tools like all others: the approved definition, on the operator's terms."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared, NotExecuted, ToolError, TryLater
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.call import McpCalls, McpRefused, McpReply, McpSaid, McpSilent
from agent_workers.domain.mcp.servers import Definition, McpTool, Terms
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Call, Tool, ToolFunction
from agent_workers.execution.values.foreign_schema import misfits

_LONGEST: Final = 1_000
_FIXED: Final = ("properties", "required")


class McpFailed(ToolError):
    """The call failed for good; of an effect this says that nothing was done."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class McpNotDone(NotExecuted):
    """Nothing was done, and the same call may work later."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class McpTryLater(TryLater):
    """The same call may work later; of an effect nobody knows whether it happened."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def tools_for(tenant_id: TenantId, known: Iterable[McpTool]) -> tuple[Tool, ...]:
    """Return the tools that a tenant's agents may name; of namesakes, everybody's.

    Those that may not be called at present are among them: who calls one is told why.
    """
    found = sorted(known, key=lambda one: one.server.tenant_id == EVERYBODY)
    named = [one for one in found if one.server.tenant_id in {EVERYBODY, tenant_id}]
    return tuple({one.full_name: _declared_or_not(one) for one in named}.values())


def _declared_or_not(one: McpTool) -> Tool:
    """One tool that cannot be declared any more must not keep a worker from all others."""
    try:
        return declared(one)
    except Misdeclared:
        return declared(replace(one, approved=None, terms=Terms()))


def declared(one: McpTool) -> Tool:
    """Make a tool of one of a server. Before it is approved, not a word of its server is shown."""
    shown = one.approved or Definition(name=one.name)
    terms = one.terms
    made = tool(
        effect=terms.effect,
        name=one.full_name,
        timeout=terms.timeout,
        key_ttl=terms.key_ttl,
        version="" if one.approved is None else one.approved.hash[:12],
    )(_function(one, shown))
    return replace(made, description=shown.description, schema=_asked(shown, terms.key_argument))


def _function(one: McpTool, shown: Definition) -> ToolFunction:
    # Any: arguments of whatever shape the server's schema has.
    def called(root: dict[str, Any], *, call: Call, servers: McpCalls) -> object:
        key = {one.terms.key_argument: call.key} if one.terms.key_argument else {}
        return _result(one, servers.call(one, {**root, **key}, call))

    if shown.output_schema is not None:
        # What the server promised is held against the result like any other annotation.
        called.__annotations__["return"] = _promised(shown.output_schema)
    return called


def _result(one: McpTool, reply: McpReply) -> object:
    is_pure = one.terms.effect is EffectClass.PURE
    match reply:
        case McpSaid(is_error=False):
            return reply.value
        case McpSaid():
            message = f"{one.full_name} said: {str(reply.value)[:_LONGEST]}"
            # An error can come before, in the middle of, or after what a tool does.
            is_final = is_pure or one.terms.errors_are_final
            raise (McpFailed if is_final else McpTryLater)(message, "mcp_tool_error")
        case McpRefused(retryable=False):
            raise McpFailed(reply.message, reply.code)
        case McpRefused():
            raise (McpTryLater if is_pure else McpNotDone)(reply.message, reply.code)
        case McpSilent():
            is_final = is_pure and not reply.retryable
            raise (McpFailed if is_final else McpTryLater)(reply.message, reply.code)


# Any: a type that is made from a schema.
def _promised(schema: Mapping[str, object]) -> Any:  # noqa: ANN401 (see above)
    def fits(value: object) -> object:
        found = misfits(schema, value)
        if found:
            raise ValueError("; ".join(words for _, words in found))
        return value

    return Annotated[object, AfterValidator(fits)]


def _asked(shown: Definition, key_argument: str) -> Mapping[str, object]:
    """The schema of the arguments; whoever plans does not see the one that carries the key."""
    schema = dict(shown.input_schema) or {"type": "object"}
    if not key_argument:
        return schema
    properties, required = (schema.get(name) for name in _FIXED)
    if isinstance(properties, dict):
        schema["properties"] = {n: v for n, v in properties.items() if n != key_argument}
    if isinstance(required, list):
        schema["required"] = [name for name in required if name != key_argument]
    return schema
