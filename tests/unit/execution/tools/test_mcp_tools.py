"""Tools of MCP servers as agents see them: only what was approved, on the operator's terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

import pytest

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import NotExecuted, ToolError, TryLater
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.call import McpCalls, McpRefused, McpReply, McpSaid, McpSilent
from agent_workers.domain.mcp.servers import Definition, McpServer, McpTool, Terms
from agent_workers.domain.tools.tool import Call, Tool
from agent_workers.execution.mcp.tools import declared, tools_for
from agent_workers.execution.values.signature import invoke, signature_of

PAY = Definition(
    name="pay",
    description="Pays a bill.",
    input_schema={
        "type": "object",
        "properties": {"bill": {"type": "string"}, "key": {"type": "string"}},
        "required": ["bill", "key"],
    },
)
CALL = Call(key="key-of-the-step", tenant_id="acme", job_id=uuid4(), position=1, attempt=1)


@dataclass(slots=True)
class Answering:
    """A server that always says the same."""

    reply: McpReply
    given: list[Mapping[str, object]] = field(default_factory=list)

    def call(self, tool: McpTool, arguments: Mapping[str, object], call: Call) -> McpReply:
        assert (tool.name, call.key) == ("pay", CALL.key)
        self.given.append(arguments)
        return self.reply


def pay(terms: Terms, tenant_id: TenantId = EVERYBODY) -> McpTool:
    server = McpServer(tenant_id=tenant_id, name="bank", command=("serve",))
    return McpTool(server=server, name="pay", seen=PAY, approved=PAY, terms=terms)


def ask(tool: Tool, servers: Answering) -> object:
    def give(wanted: type, _: Call) -> object:
        assert wanted is McpCalls
        return servers

    return invoke(tool.function, {"root": {"bill": "7"}}, CALL, give)


def test_the_key_of_the_step_goes_where_the_operator_said_and_planners_do_not_see_it() -> None:
    terms = Terms(effect=EffectClass.KEYED, key_ttl=timedelta(hours=24), key_argument="key")
    tool = declared(pay(terms))
    schema = signature_of(tool).schema
    assert schema["properties"] == {"bill": {"type": "string"}}
    assert schema["required"] == ["bill"]
    servers = Answering(McpSaid(value="paid"))
    assert ask(tool, servers) == "paid"
    assert servers.given == [{"bill": "7", "key": CALL.key}]


def test_before_it_is_approved_not_a_word_of_the_server_is_shown() -> None:
    tool = declared(replace(pay(Terms()), approved=None))
    assert (tool.description, tool.effect) == ("", EffectClass.UNSAFE)
    assert "bill" not in str(signature_of(tool).schema)


@pytest.mark.parametrize(
    ("reply", "pure", "unsafe"),
    [
        (McpSaid(value="declined", is_error=True), ToolError, TryLater),
        (McpRefused(code="mcp_changed", message="no"), ToolError, ToolError),
        (McpRefused(code="mcp_died", message="no", retryable=True), TryLater, NotExecuted),
        (McpSilent(code="mcp_died", message="no"), TryLater, TryLater),
        (McpSilent(code="mcp_too_much", message="no", retryable=False), ToolError, TryLater),
    ],
)
def test_an_effect_is_never_said_to_have_failed_when_it_may_have_happened(
    reply: McpReply, pure: type[ToolError], unsafe: type[ToolError]
) -> None:
    for effect, kind in ((EffectClass.PURE, pure), (EffectClass.UNSAFE, unsafe)):
        with pytest.raises(ToolError) as raised:
            ask(declared(pay(Terms(effect=effect))), Answering(reply))
        is_of = {k for k in (TryLater, NotExecuted) if isinstance(raised.value, k)}
        assert is_of == ({kind} - {ToolError})


def test_a_tenants_server_takes_nobody_elses_name_and_is_nobody_elses() -> None:
    own, other = TenantId("acme"), TenantId("rival")
    shared = pay(Terms(effect=EffectClass.PURE))
    known = [pay(Terms(), own), shared, replace(pay(Terms(), other), name="spy")]
    [found] = tools_for(own, known)
    assert (found.name, found.effect) == ("bank.pay", EffectClass.PURE)
    assert [tool.name for tool in tools_for(own, [known[2]])] == []


def test_one_tool_that_cannot_be_declared_keeps_a_worker_from_no_other() -> None:
    broken = pay(Terms(effect=EffectClass.KEYED, key_ttl=timedelta(seconds=1), key_argument="key"))
    [tool] = tools_for(EVERYBODY, [broken])
    assert (tool.effect, tool.description) == (EffectClass.UNSAFE, "")
