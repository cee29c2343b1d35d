"""The gateway: one call to one model through litellm, which only translates between providers.

Retries, fallback, deadlines, prices and budgets are ours; of litellm's own none is used.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.litellm.classify import failure_of
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.litellm.replies import Say, put_together, read_reply
from agent_workers.execution.models.litellm.shape import Answer, LiteLLM
from agent_workers.execution.models.named.access import Access
from agent_workers.execution.models.named.prices import PriceTable
from agent_workers.execution.models.tool_names import sent_name
from agent_workers.execution.models.values import Message, ModelReply, ModelRequest

# litellm's `timeout` is per socket read, and part of the key under which it keeps its clients:
# with the time left as its value, every call would open a client of its own. The deadline is cut
# by the loop thread instead, and this is only the longest that any one read may take.
_SOCKET_READ_S: Final = 600.0


# How we ask where it can be; an answer without is checked, and priced, all the same.
_OUR_WAY: Final = ("response_format", "stream_options")
# Without the option, a stream does not say what it used, and its worst case would be booked.
_STREAMING: Final[Mapping[str, object]] = {
    "stream": True,
    "stream_options": {"include_usage": True},
}


class LiteLLMGateway:
    """Completes requests through litellm; many threads may call it at once."""

    def __init__(
        self,
        *,
        litellm: LiteLLM,
        prices: PriceTable,
        loop: LoopThread,
        access: Mapping[str, Access] | None = None,
    ) -> None:
        self._litellm = litellm
        self._prices = prices
        self._loop = loop
        self._access = access or {}
        make_known(litellm, (one.model for one in self._access.values()))
        # Of our own way to ask: what a model does not take.
        self._not_known: dict[str, list[str]] = {}

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Make exactly one provider call within `deadline_s`, or raise `ModelFailed`."""
        return self._complete(request, deadline_s, None)

    def stream(self, request: ModelRequest, *, deadline_s: float, say: Say) -> ModelReply:
        """Do the same, and say each piece of the text as it comes; `say` must not wait."""
        return self._complete(request, deadline_s, say)

    def worst_case_micro(self, request: ModelRequest) -> int:
        """Say what `complete` can cost at most, in micro-USD."""
        return self._prices.worst_case_micro(request)

    def _complete(self, request: ModelRequest, deadline_s: float, say: Say | None) -> ModelReply:
        self._prices.of(request.model)  # refuse before anything is spent
        access = self._access_to(request.model)
        if access.problem:
            message = f"model {request.model!r} has no key: {access.problem}"
            raise ModelFailed(ErrorClass.AUTH, message)
        arguments = self._arguments(request, access)
        deadline_s = min(deadline_s, access.timeout_s or deadline_s)
        try:
            response = self._answer(lambda: self._ask(arguments, say), deadline_s, request.model)
            reply = read_reply(response, request=request, prices=self._prices)
            return _with_name(reply, request, access)
        except ModelFailed as failed:
            raise failed.booked(self._prices.worst_case_micro(request)) from failed.__cause__

    def _answer(
        self, ask: Callable[[], Awaitable[Answer]], deadline_s: float, model: str
    ) -> Answer:
        try:
            return self._loop.run(ask, deadline_s=deadline_s)
        except TimeoutError as cut:
            message = f"model {model!r} gave no whole answer within {deadline_s:.3f} s"
            raise ModelFailed(ErrorClass.TIMEOUT, message) from cut
        # litellm raises whatever its 100 providers raise; the one edge that has to take it all.
        except Exception as error:
            hidden = self._access_to(model).hidden
            raise failure_of(error, model=model, hidden=hidden) from error

    async def _ask(self, arguments: Mapping[str, object], say: Say | None) -> Answer:
        streaming = {} if say is None else _STREAMING
        answer = await self._litellm.acompletion(**arguments, **streaming)
        if isinstance(answer, AsyncIterator):
            return await put_together(answer, say or _nobody)
        return answer

    def _access_to(self, model: str) -> Access:
        provider = model.partition("/")[0]
        return self._access.get(model) or self._access.get(provider) or Access()

    def _arguments(self, request: ModelRequest, access: Access) -> dict[str, object]:
        arguments = _arguments(request) | request.settings.said | access.arguments
        dropped = {"drop_params": True} if access.drops_unsupported else self._not_needed(arguments)
        return arguments | dropped

    def _not_needed(self, arguments: Mapping[str, object]) -> dict[str, object]:
        """Let litellm leave out what is only our own way to ask, and refuse all else it cannot send."""
        name = str(arguments["model"])
        if name not in self._not_known:
            provider, _, model = name.partition("/")
            known = self._litellm.get_supported_openai_params(model, custom_llm_provider=provider)
            self._not_known[name] = [one for one in _OUR_WAY if one not in (known or _OUR_WAY)]
        return {"drop_params": False, "additional_drop_params": self._not_known[name]}


def _with_name(reply: ModelReply, request: ModelRequest, access: Access) -> ModelReply:
    """Say under which name of `models.yaml` which model of the provider answered."""
    if access.model in {"", request.model}:
        return reply
    provider = access.model.partition("/")[0]
    reported = access.model if reply.model == request.model else reply.model
    served = reported if "/" in reported else f"{provider}/{reported}"
    return replace(reply, model=f"{request.model} ({served})")


def _arguments(request: ModelRequest) -> dict[str, object]:
    arguments: dict[str, object] = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "max_tokens": request.max_output_tokens,
        "timeout": _SOCKET_READ_S,
        "num_retries": 0,  # both: by default one completion is up to three HTTP calls
        "max_retries": 0,
        "metadata": {"purpose": request.purpose},  # stays on this side; the scripted model reads it
    }
    if request.tools:
        arguments["tools"] = [
            _function(sent_name(tool.name), tool.description, tool.parameters)
            for tool in request.tools
        ]
    if request.response_schema is not None:
        wanted = request.response_schema
        schema = {"name": wanted.name, "schema": dict(wanted.schema), "strict": True}
        arguments["response_format"] = {"type": "json_schema", "json_schema": schema}
    return arguments


def _message(message: Message) -> dict[str, object]:
    # What a tool gave may hold half a surrogate pair, which no request can.
    content = message.content.encode("utf-8", "replace").decode()
    wire: dict[str, object] = {"role": message.role, "content": content}
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": sent_name(call.name), "arguments": call.arguments_json},
            }
            for call in message.tool_calls
        ]
    return wire


def _function(name: str, description: str, parameters: Mapping[str, object]) -> dict[str, object]:
    described = {"name": name, "description": description, "parameters": dict(parameters)}
    return {"type": "function", "function": described}


def _nobody(_: str) -> None:
    """Hears a provider that streams unasked."""


# Of a model of Ollama's that is not in its list, litellm asks the server whether it takes tools,
# by a call that blocks the loop on which all calls of the process are made.
_ASKED_ABOUT: Final = ("ollama", "ollama_chat")
# Prices of zero: ours count.
_MODEL: Final[Mapping[str, object]] = {
    "litellm_provider": "ollama",
    "mode": "chat",
    "input_cost_per_token": 0.0,
    "output_cost_per_token": 0.0,
    "supports_function_calling": True,
}


def make_known(litellm: LiteLLM, models: Iterable[str]) -> None:
    """Put models into litellm's list; it asks nobody."""
    named = [model for model in models if model.partition("/")[0] in _ASKED_ABOUT]
    litellm.model_cost.update({model: dict(_MODEL) for model in named})
