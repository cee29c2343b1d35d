"""What counts as evidence that an effect did not happen: the tool's own word, and nothing else."""

from collections.abc import Callable

import pytest

from agent_workers import NotExecuted, NotSent, ToolError, TryLater
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import FacilityAway, FacilityError
from agent_workers.domain.ids import effect_key
from agent_workers.domain.memory.embedding import EmbeddingAway, NotEmbedded
from agent_workers.domain.outside.email_message import EmailNotSent, EmailRefused
from agent_workers.domain.outside.http import NoAnswer, NotCallable
from agent_workers.domain.outside.sql_source import SqlRefused
from agent_workers.domain.reply import NotDone, Reply, Unclear
from agent_workers.domain.step import Broke, StepKind, ToolFailed
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.facility import Facility, Give, NotInstalled, no_facilities
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.sandbox.isolated_child import answer
from agent_workers.execution.tools.builtin.mail import mail_tool
from agent_workers.execution.tools.router import ToolRouter
from tests.unit.execution.evaluator.rounds import by_function
from tests.unit.orchestration.agents import claimed

OF_FACILITIES = [
    NotSent("the ledger was not reached"),
    NotCallable("the ledger may not be called"),
    NoAnswer("the ledger is silent"),
    EmailNotSent("greylisted"),
    EmailRefused("nobody of that name"),
    NotInstalled("no mail can be sent"),
    SqlRefused("it is read-only"),
    NotEmbedded("it is blank"),
    EmbeddingAway("no answer"),
    FacilityError("no such memory"),
    FacilityAway("the source is away"),
]
OF_LIBRARIES = [
    ConnectionRefusedError(),
    ConnectionResetError(),
    TimeoutError(),
    OSError("no route to host"),
    LookupError("a mistake"),
]


class Ledger(Facility):
    """A facility that an installation may not have."""


def acting(
    raised: Exception, effect: EffectClass = EffectClass.UNSAFE, give: Give = no_facilities
) -> Reply:
    """Let a tool charge, and then fail to write it down."""

    def charge() -> str:
        """Charge, then write it down."""
        raise raised

    return act(tool(name="charge", effect=effect)(charge), give)


def act(declared: Tool, give: Give = no_facilities, arguments: bytes = b"{}") -> Reply:
    step = claimed(StepKind.TOOL, tool=declared.name, effect=declared.effect)
    agent = loaded(by_function(declared))
    key = effect_key(step.root_id, step.position)
    return ToolRouter(lambda _: agent, give=give).act(step, arguments, key=key, attempt=1)


@pytest.mark.parametrize("raised", [*OF_FACILITIES, *OF_LIBRARIES], ids=repr)
def test_what_passes_through_a_tool_proves_nothing_of_its_effect(raised: Exception) -> None:
    assert isinstance(acting(raised), Unclear)


@pytest.mark.parametrize(
    ("raised", "broke"), [(NotExecuted("no money"), Broke), (ToolError("declined"), ToolFailed)]
)
def test_a_tools_own_word_is_evidence(raised: ToolError, broke: type) -> None:
    reply = acting(raised)
    assert isinstance(reply, NotDone)
    assert isinstance(reply.broke, broke)


def test_a_tool_that_asks_to_be_called_later_says_nothing_of_its_effect() -> None:
    assert isinstance(acting(TryLater("busy")), Unclear)


def test_a_tool_that_was_not_given_what_it_asks_for_was_not_called() -> None:
    def charge(*, ledger: Ledger) -> str:
        """Charge."""
        raise AssertionError(ledger)

    reply = act(tool(name="charge", effect=EffectClass.UNSAFE)(charge))
    assert isinstance(reply, NotDone)
    assert reply.broke.code == "not_installed"


@pytest.mark.parametrize("raised", [ConnectionRefusedError(), NotSent("not reached")], ids=repr)
def test_nor_does_it_in_a_process_of_its_own(
    raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        """Charge, then fail."""
        raise raised

    declared = tool(name="charge", effect=EffectClass.UNSAFE)(fail)
    monkeypatch.setattr(
        "agent_workers.execution.sandbox.isolated_child._found", lambda *_: declared
    )
    call = {"key": "", "tenant_id": "", "job_id": "0" * 32, "position": 1, "attempt": 1}
    told = {"module": "", "name": "", "looks_up": False, "arguments": "{}", "call": call}
    assert answer(told, lambda: None)["raised"]["kind"] == "other"


def mailing(raised: Exception) -> Callable[[type, object], object]:
    class Failing:
        def send(self, *_: object) -> str:
            raise raised

    return lambda *_: Failing()


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (EmailNotSent("greylisted"), NotDone, "not_executed"),
        (EmailRefused("nobody of that name"), NotDone, "refused"),
        (NotInstalled("no mail can be sent"), NotDone, "not_installed"),
        (FacilityAway("the server had all of it"), Unclear, "try_later"),
    ],
)
def test_sending_mail_is_all_that_its_tool_does_so_it_may_say_that_nothing_happened(
    raised: Exception, kind: type, code: str
) -> None:
    written = b'{"to":["ann@example.com"],"subject":"s","text":"t"}'
    reply = act(mail_tool(checks_mail=False), mailing(raised), written)
    assert isinstance(reply, NotDone | Unclear)
    assert (type(reply), reply.broke.code) == (kind, code)
