"""The slice of litellm that we use, as types of our own: litellm's are not followed by mypy."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Function(Protocol):
    name: str | None
    arguments: str


class CallShape(Protocol):
    id: str
    function: Function


class MessageShape(Protocol):
    content: str | None
    tool_calls: Sequence[CallShape] | None


class Choice(Protocol):
    finish_reason: str | None
    message: MessageShape


class UsageShape(Protocol):
    prompt_tokens: int
    completion_tokens: int
    # Objects, because which details there are depends on the provider.
    prompt_tokens_details: object
    completion_tokens_details: object


class Response(Protocol):
    model: str | None
    choices: Sequence[Choice]
    usage: UsageShape

    def __init__(self, **fields: object) -> None: ...


class CompletionCall(Protocol):
    async def __call__(self, **arguments: object) -> Response: ...


class Setup(Protocol):
    """Of `litellm.utils`: makes the providers of `custom_provider_map` known."""

    def custom_llm_setup(self) -> object: ...


class LiteLLM(Protocol):
    """The imported library; `load_litellm` gives it."""

    acompletion: CompletionCall
    custom_provider_map: list[dict[str, object]]
    utils: Setup

    def register_model(self, models: Mapping[str, Mapping[str, object]]) -> object: ...
