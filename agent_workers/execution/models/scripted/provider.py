"""The offline model: a litellm provider named `scripted` that follows a script.

Demo, tests, chaos and benchmarks call it, so that all of them go through the true litellm path.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final

from agent_workers.execution.embedding.hashed import HashedEmbedder
from agent_workers.execution.models.litellm.shape import LiteLLM, Response, Vectors
from agent_workers.execution.models.scripted.script import (
    FAULT_CODE,
    FAULT_STATUS,
    Fault,
    Heard,
    Saying,
    Scenario,
    Script,
    fill,
)

PROVIDER: Final = "scripted"
_FOR_EVER_S: Final = 86_400.0


class ScriptedFault(Exception):
    """What a provider answers instead of a completion; litellm maps it by its status."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.message = fault.message
        status = FAULT_STATUS[fault.kind]
        if status is not None:
            self.status_code = status
        if fault.kind in FAULT_CODE:
            self.code = FAULT_CODE[fault.kind]
        wait = fault.retry_after_s
        self.headers = {} if wait is None else {"retry-after": f"{wait:g}"}


class ScriptedProvider:
    """What litellm calls for `scripted/...`: the asynchronous half of its CustomLLM.

    It inherits from CustomLLM only where litellm is at hand (`register_scripted`): this file can be
    imported without it.
    """

    def __init__(self, script: Script) -> None:
        self._script = script

    async def acompletion(self, *, model_response: Response, **asked: object) -> Response:
        """Answer as the script says, after the latency that it says."""
        scenario, body = self._answer(asked)
        await asyncio.sleep(scenario.latency_s)
        if scenario.fault is not None:
            await _fail(scenario.fault)
        # litellm hands an empty response in; its class builds a whole one from plain JSON.
        return type(model_response)(**body)

    async def astreaming(self, **asked: object) -> AsyncIterator[Mapping[str, object]]:
        """Answer word by word, so that the last one comes when the whole answer would have come."""
        scenario, body = self._answer(asked)
        if scenario.fault is not None:
            if scenario.fault.kind == "drip":
                async for piece in drip():
                    yield piece
            await asyncio.sleep(scenario.latency_s)
            await _fail(scenario.fault)
        pieces = tuple(pieces_of(body))
        for piece in pieces:
            await asyncio.sleep(scenario.latency_s / len(pieces))
            yield piece

    async def aembedding(self, *, model_response: Vectors, **asked: object) -> Vectors:
        """Answer with vectors that know words by their spelling, whatever the script says."""
        texts = asked.get("input")
        vectors = HashedEmbedder().embed(texts if isinstance(texts, list) else [])
        rows = [{"index": number, "embedding": vector} for number, vector in enumerate(vectors)]
        return type(model_response)(model=f"{PROVIDER}/{asked.get('model')}", data=rows)

    def _answer(self, asked: Mapping[str, object]) -> tuple[Scenario, dict[str, object]]:
        messages = _rows(asked.get("messages"))
        heard = _heard(asked, messages)
        scenario, words = self._script.choose(heard)
        return scenario, _body(heard, scenario.saying, words, messages)


def register_scripted(litellm: LiteLLM, script: Script, *, models: Sequence[str]) -> None:
    """Make litellm answer `scripted/...` from a script; a later script replaces an earlier one."""
    others = [row for row in litellm.custom_provider_map if row["provider"] != PROVIDER]
    # From 1.110 on litellm asks whether it is one of its own.
    handler = type("ScriptedHandler", (ScriptedProvider, litellm.CustomLLM), {})(script)
    row: dict[str, object] = {"provider": PROVIDER, "custom_handler": handler}
    litellm.custom_provider_map = [*others, row]
    litellm.utils.custom_llm_setup()
    known = {name: _MODEL for name in models if name.startswith(f"{PROVIDER}/")}
    litellm.register_model(known)


# Prices of zero: ours count, and without any litellm warns of each model.
_MODEL: Final[Mapping[str, object]] = {
    "litellm_provider": PROVIDER,
    "mode": "chat",
    "input_cost_per_token": 0.0,
    "output_cost_per_token": 0.0,
    "cache_read_input_token_cost": 0.0,
    "cache_creation_input_token_cost": 0.0,
    "supports_function_calling": True,
    "supports_response_schema": True,
}


async def _fail(fault: Fault) -> None:
    if fault.kind in {"endless", "drip"}:
        await asyncio.sleep(_FOR_EVER_S)
    raise ScriptedFault(fault)


def _heard(asked: Mapping[str, object], messages: Sequence[Mapping[str, object]]) -> Heard:
    options = asked.get("optional_params")
    litellm_params = asked.get("litellm_params")
    metadata = litellm_params.get("metadata") if isinstance(litellm_params, dict) else None
    return Heard(
        model=f"{PROVIDER}/{asked.get('model')}",
        purpose=str((metadata or {}).get("purpose", "")),
        turn=sum(m.get("role") == "assistant" for m in messages),
        last_role=str(messages[-1].get("role", "")) if messages else "",
        last_user=_last(messages, "user"),
        last_tool=_last(messages, "tool"),
        has_tools=isinstance(options, dict) and bool(options.get("tools")),
        system=_last(messages, "system"),
    )


def _body(
    heard: Heard,
    saying: Saying,
    words: Mapping[str, str],
    messages: Sequence[Mapping[str, object]],
) -> dict[str, object]:
    calls = [
        {
            "id": _call_id(heard, number),
            "type": "function",
            "function": {"name": fill(c.name, words), "arguments": fill(c.arguments, words)},
        }
        for number, c in enumerate(saying.calls)
    ]
    text = fill(saying.text, words)
    message: dict[str, object] = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = calls
    if saying.refusal:
        message["provider_specific_fields"] = {"refusal": saying.refusal}
    finish = "tool_calls" if calls else saying.finish_reason
    return {
        "id": "scripted",
        "created": 0,
        "model": heard.model,
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        "usage": _usage(saying, words_in=_count(messages), words_out=_count([message])),
    }


def _usage(saying: Saying, *, words_in: int, words_out: int) -> dict[str, object]:
    said = {"input": words_in, "output": words_out} | dict(saying.usage or {})
    return {
        "prompt_tokens": said["input"],
        "completion_tokens": said["output"],
        "total_tokens": said["input"] + said["output"],
        "prompt_tokens_details": {"cached_tokens": said.get("cached", 0)},
        "completion_tokens_details": {"reasoning_tokens": said.get("reasoning", 0)},
        "cache_creation_input_tokens": said.get("cache_write", 0),
    }


def _call_id(heard: Heard, number: int) -> str:
    """The same question gives the same id, as everything else about a script is repeatable."""
    asked = json.dumps([heard.last_user, heard.turn, number])
    return f"call_{hashlib.sha256(asked.encode()).hexdigest()[:12]}"


def _count(messages: Sequence[Mapping[str, object]]) -> int:
    return sum(
        len(f"{m.get('content') or ''} {m.get('tool_calls') or ''}".split()) for m in messages
    )


def _rows(messages: object) -> Sequence[Mapping[str, object]]:
    return messages if isinstance(messages, list) else []


def _last(messages: Sequence[Mapping[str, object]], role: str) -> str:
    found = (str(m.get("content") or "") for m in reversed(messages) if m.get("role") == role)
    return next(found, "")


_DRIP_S: Final = 0.1


def pieces_of(body: Mapping[str, Any]) -> Iterator[Mapping[str, object]]:
    """Cut a whole answer into words, its calls in one piece each, and an end with the usage."""
    choice = body["choices"][0]
    message = choice["message"]
    for word in re.findall(r"\S+\s*|\s+", message["content"] or ""):
        yield _piece(text=word)
    for index, call in enumerate(message.get("tool_calls", ())):
        yield _piece(tool_use={**call, "index": index})
    aside = message.get("provider_specific_fields")
    if aside:
        yield _piece(provider_specific_fields=aside)
    yield _piece(is_finished=True, finish_reason=choice["finish_reason"], usage=body["usage"])


async def drip() -> AsyncIterator[Mapping[str, object]]:
    """Never end: a letter now and then, so that no time-out of a single read ever strikes."""
    while True:
        await asyncio.sleep(_DRIP_S)
        yield _piece(text=".")


def _piece(**given: object) -> Mapping[str, object]:
    whole = {"text": "", "is_finished": False, "finish_reason": "", "usage": None, "index": 0}
    return whole | {"tool_use": None} | given
