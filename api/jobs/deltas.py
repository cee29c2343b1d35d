"""What a watched job's model says, beside the journal: events without a number, which may be lost."""

import asyncio
import json
from collections.abc import AsyncGenerator

from agent_workers.domain.ids import to_wire
from agent_workers.domain.models.delta import Delta
from agent_workers.state.jobs.steps import EventSeen
from agent_workers.transport.shared.model_deltas_heard import Heard
from api.http.json_text import raw, text
from api.process.waiting import Waiter

_STEP_COMPLETED = "step.completed"


class Meanwhile:
    """Tells the deltas of one stream until its journal has news; those of finished steps are old."""

    def __init__(self, waiter: Waiter, heard: Heard) -> None:
        self._waiter = waiter
        self._heard = heard
        self._finished = -1
        self.has_news = False

    def note(self, event: EventSeen) -> None:
        """Remember how far the job has come: the journal has all that was said until there."""
        if event.type == _STEP_COMPLETED:
            position = json.loads(raw(event.data)).get("position")
            self._finished = max(self._finished, position if isinstance(position, int) else -1)

    async def told(self, within_s: float) -> AsyncGenerator[str, None]:
        """Tell what is heard until there may be news, or the time is over."""
        news = asyncio.ensure_future(self._waiter.wait(within_s))
        try:
            while not news.done():
                piece = asyncio.ensure_future(self._heard.wait())
                try:
                    await asyncio.wait({news, piece}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    piece.cancel()
                for delta in self._heard.take():
                    if delta.position > self._finished:
                        yield _event(delta)
            self.has_news = news.result()
        finally:
            news.cancel()


def _event(delta: Delta) -> str:
    data = (
        f'{{"type":"job.delta","job_id":"{to_wire(delta.job_id)}","position":{delta.position},'
        f'"attempt":{delta.attempt},"call":{delta.call},"text":{text(delta.text)}}}'
    )
    return f"event: job.delta\ndata: {data}\n\n"
