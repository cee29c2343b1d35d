"""The slice of litellm that we use, as types of our own: litellm's are not followed by mypy."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol


class Function(Protocol):
    @property
    def name(self) -> str | None: ...
    @property
    def arguments(self) -> str: ...


class CallShape(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def function(self) -> Function: ...


class MessageShape(Protocol):
    @property
    def content(self) -> str | None: ...
    @property
    def tool_calls(self) -> Sequence[CallShape] | None: ...


class Choice(Protocol):
    @property
    def finish_reason(self) -> str | None: ...
    @property
    def message(self) -> MessageShape: ...


class Response(Protocol):
    model: str | None
    choices: Sequence[Choice]
    # An object, because which counts there are depends on the provider.
    usage: object

    def __init__(self, **fields: object) -> None: ...


class FunctionDelta(Protocol):
    name: str | None
    arguments: str | None


class CallDelta(Protocol):
    index: int
    id: str | None
    function: FunctionDelta


class TextDelta(Protocol):
    content: str | None
    tool_calls: Sequence[CallDelta] | None


class ChoiceDelta(Protocol):
    finish_reason: str | None
    delta: TextDelta


class Chunk(Protocol):
    """A piece of a streamed answer; the last one has the `usage`."""

    model: str | None
    choices: Sequence[ChoiceDelta]


class Answer(Protocol):
    """What is read of a response, whether it came whole or in pieces."""

    @property
    def model(self) -> str | None: ...
    @property
    def choices(self) -> Sequence[Choice]: ...
    @property
    def usage(self) -> object: ...


class CompletionCall(Protocol):
    """Gives the whole answer, or with `stream=True` the pieces of one."""

    async def __call__(self, **arguments: object) -> Response | AsyncIterator[Chunk]: ...


class Embedded(Protocol):
    """An answer with vectors: each row is a mapping of `index` and `embedding`, or an object."""

    @property
    def data(self) -> Sequence[object]: ...


class Vectors(Embedded, Protocol):
    """The class of such answers, as a provider of our own makes one."""

    def __init__(self, **fields: object) -> None: ...


class EmbeddingCall(Protocol):
    async def __call__(self, **arguments: object) -> Embedded: ...


class Setup(Protocol):
    """Of `litellm.utils`: makes the providers of `custom_provider_map` known."""

    def custom_llm_setup(self) -> object: ...


class LiteLLM(Protocol):
    """The imported library; `load_litellm` gives it."""

    # Any: a class of litellm's.
    CustomLLM: Any
    acompletion: CompletionCall
    aembedding: EmbeddingCall
    custom_provider_map: list[dict[str, object]]
    utils: Setup
    # Any: what is known of a model.
    model_cost: dict[str, dict[str, Any]]

    def get_supported_openai_params(
        self, model: str, custom_llm_provider: str
    ) -> Sequence[str] | None: ...

    def register_model(self, models: Mapping[str, Mapping[str, object]]) -> object: ...
