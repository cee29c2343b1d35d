"""A wrapper that answers exactly equal requests from a shared store, and lets only one worker ask."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, repeat
from typing import Final

from agent_workers.domain.budget import NO_USAGE
from agent_workers.domain.text.encoding import canonical
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.ports import Answers, Model
from agent_workers.execution.models.values import ModelReply, ModelRequest, ToolCallWish

_PAUSES_S: Final = (0.02, 0.05, 0.1)
_LONGEST_PAUSE_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose answers may be shared: those of one tenant and one version of one agent."""

    tenant: str
    agent: str
    version: str

    def key_of(self, request: ModelRequest) -> str:
        """Name a request so that only an equal one has the same name."""
        return sha256(
            canonical([self.tenant, self.agent, self.version, _params(request)])
        ).hexdigest()


class Cached:
    """A hit costs nothing and counts no call. `fresh`: ask anew, an earlier answer led nowhere."""

    def __init__(
        self,
        model: Model,
        *,
        answers: Answers,
        scope: Scope,
        fresh: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._model = model
        self._answers = answers
        self._scope = scope
        self._fresh = fresh
        self._sleep = sleep

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Find the answer, wait for whoever is asking for it, or ask."""
        ends_at = time.monotonic() + deadline_s
        key = self._scope.key_of(request)
        for pause_s in chain(_PAUSES_S, repeat(_LONGEST_PAUSE_S)):
            found = None if self._fresh else self._found(key)
            if found is not None:
                return found
            token = self._answers.lead(key)
            left_s = ends_at - time.monotonic()
            if token is not None:
                return self._ask(request, key, token=token, deadline_s=left_s)
            if left_s <= pause_s:
                break
            self._sleep(pause_s)
        message = f"another worker is asking the model the same, and had no answer within {deadline_s:.3f} s"
        raise ModelFailed(ErrorClass.TIMEOUT, message, cost_known=True)

    def _found(self, key: str) -> ModelReply | None:
        written = self._answers.find(key)
        return None if written is None else read_answer(written)

    def _ask(self, request: ModelRequest, key: str, *, token: str, deadline_s: float) -> ModelReply:
        # Between the look and the lead another one may have kept an answer.
        found = None if self._fresh else self._found(key)
        reply = found
        try:
            reply = reply or self._model.complete(request, deadline_s=deadline_s)
        except BaseException:
            self._answers.leave(key, token=token)
            raise
        written = None if found else written_answer(reply, request)
        if written is None:
            self._answers.leave(key, token=token)
        else:
            self._answers.keep(key, written, token=token)
        return reply


def _params(request: ModelRequest) -> list[object]:
    """All that a provider is told, and nothing that it is not."""
    wanted = request.response_schema
    return [
        request.model,
        [
            [
                m.role,
                m.content,
                m.tool_call_id,
                [[c.id, c.name, c.arguments_json] for c in m.tool_calls],
            ]
            for m in request.messages
        ],
        [[tool.name, tool.description, tool.parameters] for tool in request.tools],
        None if wanted is None else [wanted.name, wanted.schema],
        request.max_output_tokens,
        request.settings.said,
        request.stands_for,
    ]


def written_answer(reply: ModelReply, request: ModelRequest) -> bytes | None:
    """Write an answer that may be given again; None: it is cut, refused, or not what was asked."""
    if reply.finish_reason not in {"stop", "tool_calls"} or not _is_usable(reply, request):
        return None
    with suppress(ValueError):  # NaN or half a surrogate pair: it will be sent back anyway
        return canonical(
            {
                "text": reply.text,
                "calls": [[call.id, call.name, call.arguments_json] for call in reply.tool_calls],
                "finish_reason": reply.finish_reason,
                "model": reply.model,
                "price_version": reply.price_version,
            }
        )
    return None


def read_answer(written: bytes) -> ModelReply:
    """Read what `written_answer` wrote; it costs nothing now."""
    said = json.loads(written)
    return ModelReply(
        text=said["text"],
        tool_calls=tuple(
            ToolCallWish(id=call_id, name=name, arguments_json=arguments)
            for call_id, name, arguments in said["calls"]
        ),
        usage=NO_USAGE,
        price_version=said["price_version"],
        finish_reason=said["finish_reason"],
        model=said["model"],
    )


def _is_usable(reply: ModelReply, request: ModelRequest) -> bool:
    if reply.tool_calls:
        known = {tool.name for tool in request.tools}
        return all(
            call.name in known and isinstance(_json(call.arguments_json), dict)
            for call in reply.tool_calls
        )
    if request.response_schema is not None:
        return isinstance(_json(reply.text), dict)
    return bool(reply.text.strip())


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
