"""The ports of a system: one that was chosen is never replaced, a default one is."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from agent_workers.domain.running.exits import AWAY, Away, WronglyTold, exit_code_of
from agent_workers.embedded.ports import LOOPBACK, free_port
from agent_workers.local import ports as system_ports
from agent_workers.local.ports import port_of
from agent_workers.settings import Settings, load_settings


@pytest.fixture
def taken() -> Iterator[int]:
    with closing(socket.socket()) as holder:
        holder.bind((LOOPBACK, free_port()))
        holder.listen()
        yield holder.getsockname()[1]


@pytest.fixture(autouse=True)
def _without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_ports, "RELEASE_PATIENCE_S", 0.0)
    for name in ("AGENT_API_PORT", "AGENT_FLOWER_PORT"):
        monkeypatch.delenv(name, raising=False)


def found(settings: Settings, what: str = "API") -> tuple[int, list[str]]:
    told = list[str]()
    with ExitStack() as held:
        return port_of(what, settings, held=held, say=told.append), told


def test_a_default_port_that_is_taken_is_replaced_and_it_is_said(taken: int) -> None:
    default = load_settings().model_copy(update={"api_port": taken})
    default.model_fields_set.discard("api_port")
    port, told = found(default)
    assert port != taken
    assert told == [f"port {taken} is taken: API uses port {port}"]


def test_a_port_of_an_option_that_is_taken_is_refused(taken: int) -> None:
    with pytest.raises(Away, match=rf"API: port {taken} is taken.*`up --api-port`") as refused:
        found(load_settings(api_port=taken))
    assert exit_code_of(refused.value) == AWAY


def test_a_port_of_a_setting_that_is_taken_is_refused(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_FLOWER_PORT", str(taken))
    with pytest.raises(Away, match=f"Flower: port {taken} is taken.*AGENT_FLOWER_PORT"):
        found(load_settings(), "Flower")


def test_a_port_of_root_is_not_said_to_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_ports, "port_is_free", lambda _: False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(WronglyTold, match="port 80 is for root, as all below 1024"):
        found(load_settings(api_port=80))


def test_a_chosen_port_that_is_free_is_had() -> None:
    wanted = free_port()
    assert found(load_settings(api_port=wanted)) == (wanted, [])


def test_port_0_takes_a_free_one_and_says_nothing() -> None:
    port, told = found(load_settings(api_port=0))
    assert port
    assert told == []
