"""The transport for httpx clients: guarded like all that goes outside."""

import asyncio
import ssl
from collections.abc import Iterator

import httpx2
import pytest

from agent_workers.domain.outside import Reach, networks_of
from agent_workers.execution.outside.for_httpx import GuardedTransport, TooLong
from tests.integration.outside.resolving import Names, leading_to
from tests.integration.webhooks.receiver import Receiver, receiving

CONTEXT = ssl.create_default_context()
HERE = Reach(private=networks_of(["127.0.0.0/8"]))


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def fetched(url: str, reach: Reach = HERE, *, names: Names, proxy: str = "") -> httpx2.Response:
    async def run() -> httpx2.Response:
        transport = GuardedTransport(
            reach, most_bytes=10_000, resolve=names, proxy=proxy, context=CONTEXT
        )
        async with httpx2.AsyncClient(transport=transport) as client:
            return await client.get(url)

    return asyncio.run(run())


def test_a_name_is_asked_for_once_and_the_checked_address_is_called(receiver: Receiver):
    names = Names([["127.0.0.1"], ["10.0.0.1"]])
    answer = fetched(f"http://tools.example.com:{receiver.port}/ok", names=names)
    assert answer.text == "ok"
    assert receiver.requests[-1].headers["host"] == f"tools.example.com:{receiver.port}"
    assert names.asked == ["tools.example.com"]


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
def test_an_address_that_is_not_public_is_not_called(address: str):
    with pytest.raises(httpx2.ConnectError, match="not public"):
        fetched("http://tools.example.com/", names=leading_to(address))


def test_a_host_that_is_not_on_the_list_is_not_even_looked_up():
    names = leading_to("127.0.0.1")
    with pytest.raises(httpx2.ConnectError, match="not among those"):
        fetched("http://tools.example.com/", Reach(hosts=("*.example.org",)), names=names)
    assert names.asked == []


def test_no_redirect_is_followed(receiver: Receiver):
    answer = fetched(receiver.url("moved"), names=leading_to("127.0.0.1"))
    assert answer.status_code == 301


def test_an_endless_answer_is_not_read_to_its_end(receiver: Receiver):
    with pytest.raises(TooLong):
        fetched(receiver.url("flood"), names=leading_to("127.0.0.1"))


def test_a_proxy_is_asked_and_the_environments_is_not(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    names = leading_to("127.0.0.1")
    assert fetched(receiver.url("ok"), names=names).text == "ok"
    answer = fetched("http://tools.example.com/ok", names=names, proxy=receiver.url("")[:-1])
    assert answer.text == "ok"
    assert receiver.requests[-1].path == "http://tools.example.com/ok"
