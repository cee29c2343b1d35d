"""The gateway: one call to one model through litellm, which only translates between providers.

Retries, fallback, deadlines, prices and budgets are ours; of litellm's own none is used.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from agent_workers.execution.models.classify import failure_of
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.litellm_shape import Answer, LiteLLM
from agent_workers.execution.models.loop_thread import LoopThread
from agent_workers.execution.models.prices import PriceTable
from agent_workers.execution.models.replies import read_reply
from agent_workers.execution.models.streams import Say, put_together
from agent_workers.execution.models.tool_names import sent_name
from agent_workers.execution.models.values import Message, ModelReply, ModelRequest

# litellm's `timeout` is per socket read, and part of the key under which it keeps its clients:
# with the time left as its value, every call would open a client of its own. The deadline is cut
# by the loop thread instead, and this is only the longest that any one read may take.
_SOCKET_READ_S: Final = 600.0


# Without the option, a stream does not say what it used, and its worst case would be booked.
_STREAMING: Final[Mapping[str, object]] = {
    "stream": True,
    "stream_options": {"include_usage": True},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a model or a whole provider, where litellm's own default is not wanted."""

    api_key: str | None = None
    api_base: str | None = None


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
        arguments = _arguments(request) | self._access_to(request.model)
        try:
            response = self._answer(lambda: self._ask(arguments, say), deadline_s)
            return read_reply(response, request=request, prices=self._prices)
        except ModelFailed as failed:
            raise failed.booked(self._prices.worst_case_micro(request)) from failed.__cause__

    def _answer(self, ask: Callable[[], Awaitable[Answer]], deadline_s: float) -> Answer:
        try:
            return self._loop.run(ask, deadline_s=deadline_s)
        except TimeoutError as cut:
            message = f"no whole answer within {deadline_s:.3f} s"
            raise ModelFailed(ErrorClass.TIMEOUT, message) from cut
        # litellm raises whatever its 100 providers raise; the one edge that has to take it all.
        except Exception as error:
            raise failure_of(error) from error

    async def _ask(self, arguments: Mapping[str, object], say: Say | None) -> Answer:
        streaming = {} if say is None else _STREAMING
        answer = await self._litellm.acompletion(**arguments, **streaming)
        if isinstance(answer, AsyncIterator):
            return await put_together(answer, say or _nobody)
        return answer

    def _access_to(self, model: str) -> dict[str, object]:
        provider = model.partition("/")[0]
        access = self._access.get(model) or self._access.get(provider) or Access()
        named = {"api_key": access.api_key, "api_base": access.api_base}
        return {name: value for name, value in named.items() if value is not None}


def _arguments(request: ModelRequest) -> dict[str, object]:
    arguments: dict[str, object] = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "max_tokens": request.max_output_tokens,
        "timeout": _SOCKET_READ_S,
        "num_retries": 0,  # both: by default one completion is up to three HTTP calls
        "max_retries": 0,
        "drop_params": True,
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
