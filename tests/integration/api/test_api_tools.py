"""Tools over HTTP: what the workers of this installation have, as they said when they started."""

from agent_workers import Client
from agent_workers.domain.ids import TenantId
from agent_workers.execution.agents.registry import load
from agent_workers.execution.tools.builtins import builtin_tools
from agent_workers.execution.tools.describing import described
from agent_workers.state.catalogue.tools import Tools
from tests.integration.api.live import Live

TOOLS = load(["agent_workers.demo.tools"], beside=builtin_tools()).tools


def registered(live: Live, *names: str) -> None:
    Tools(live.database).register([described(TOOLS[name]) for name in names])


def test_a_tool_is_shown_with_all_that_it_declares(live: Live, tenant: TenantId):
    registered(live, "refund", "read_order")
    with live.client(tenant) as client:
        shown = client.get("/v1/tools/refund").json()
    seen = {name: shown.pop(name) for name in ("object", "registered_at", "seen_at")}
    assert seen["object"] == "tool"
    assert seen["registered_at"] <= seen["seen_at"]
    assert shown == described(TOOLS["refund"])
    assert (shown["effect"], shown["parameters"]["required"]) == (
        "keyed",
        ["order_id", "amount_cents"],
    )


def test_all_of_them_are_listed_by_name_and_the_client_gets_them(live: Live, tenant: TenantId):
    registered(live, "refund", "read_order", "list_files")
    with Client(live.url, live.token(tenant)) as client:
        names = [tool["name"] for tool in client.tools()]
    assert names == sorted(names)
    assert {"refund", "read_order", "list_files"} <= set(names)


def test_the_same_again_is_nothing_new_and_another_one_takes_its_place(live: Live):
    tools = Tools(live.database)
    registered(live, "refund")
    first = tools.one("refund")
    registered(live, "refund")
    again = tools.one("refund")
    tools.register([{**described(TOOLS["refund"]), "version": "2"}])
    other = tools.one("refund")
    assert first is not None
    assert again is not None
    assert other is not None
    assert again.registered_at == first.registered_at < again.seen_at
    assert other.registered_at > again.registered_at
    assert '"version": "2"' in other.definition


def test_what_no_worker_has_is_not_found(live: Live, tenant: TenantId):
    with live.client(tenant) as client:
        for name in ("nothing_of_this_name", "a%00b"):
            reply = client.get(f"/v1/tools/{name}")
            assert (reply.status_code, reply.json()["code"]) == (404, "tool_not_found")
