"""Puts the chunks of a streamed answer together to the response that a whole answer is."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from agent_workers.execution.models.litellm.shape import CallDelta, Chunk

Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class _Function:
    name: str = ""
    arguments: str = ""


@dataclass(slots=True, kw_only=True)
class _Call:
    id: str = ""
    function: _Function = field(default_factory=_Function)


@dataclass(slots=True, kw_only=True)
class _Message:
    content: str = ""
    refusal: str = ""
    calls: dict[int, _Call] = field(default_factory=dict)

    @property
    def tool_calls(self) -> list[_Call]:
        return [self.calls[index] for index in sorted(self.calls)]


@dataclass(slots=True, kw_only=True)
class _Choice:
    message: _Message = field(default_factory=_Message)
    finish_reason: str | None = None


@dataclass(slots=True, kw_only=True)
class Streamed:
    """A response as it grows; nothing in it is guessed: without usage, the worst case is booked."""

    model: str | None = None
    usage: object = None
    choices: list[_Choice] = field(default_factory=list)

    def add(self, chunk: Chunk) -> str:
        """Take a chunk in; return what it added to the text."""
        self.model = self.model or chunk.model
        self.usage = getattr(chunk, "usage", None) or self.usage
        if not chunk.choices:
            return ""
        choice, piece = self._choice(), chunk.choices[0]
        choice.finish_reason = piece.finish_reason or choice.finish_reason
        choice.message.refusal += _refusal(chunk, piece.delta)
        _add_calls(choice.message, piece.delta.tool_calls or ())
        text = piece.delta.content or ""
        choice.message.content += text
        return text

    def _choice(self) -> _Choice:
        if not self.choices:
            self.choices.append(_Choice())
        return self.choices[0]


async def put_together(chunks: AsyncIterator[Chunk], say: Say) -> Streamed:
    """Read a stream to its end, saying each piece of text when it comes."""
    streamed = Streamed()
    async for chunk in chunks:
        text = streamed.add(chunk)
        if text:
            say(text)
    return streamed


def _add_calls(message: _Message, pieces: Iterable[CallDelta]) -> None:
    """A call comes in pieces: its name once, then its arguments bit by bit."""
    for piece in pieces:
        call = message.calls.setdefault(piece.index, _Call())
        call.id = call.id or piece.id or ""
        call.function.name = call.function.name or piece.function.name or ""
        call.function.arguments += piece.function.arguments or ""


def _refusal(*holders: object) -> str:
    """Find a refusal where a provider or litellm puts it."""
    found = (getattr(holder, "refusal", None) for holder in holders)
    return "".join(str(refusal) for refusal in found if refusal)
