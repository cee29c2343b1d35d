"""Lists and streams: pages in their turn, none on the event loop, and no list without a bound."""

import asyncio
import threading
from collections.abc import AsyncIterator

from agent_workers.state.database.pages import Page
from api.http.listing import listed, streamed
from api.process.threads import Threads
from tests.support.repository import ROOT

_API = ROOT / "api"
# Of what one request has done.
_NO_LISTS_OF_ROWS = {"triggers/intake.py"}
# The parts of a file, and events as they come; each part has a bound.
_OWN_STREAMS = {"jobs/artifacts.py", "jobs/events.py"}
_NUMBERS = [Page(rows=[1, 2], more=True), Page(rows=[3], more=False)]


class Pages:
    """Two pages, and which of them were read, where, and behind what."""

    def __init__(self) -> None:
        self.read: list[int | None] = []
        self.threads: set[int] = set()

    def __call__(self, behind: int | None = None) -> Page[int]:
        self.read.append(behind)
        self.threads.add(threading.get_ident())
        return _NUMBERS[len(self.read) - 1]

    def text(self, number: int) -> str:
        self.threads.add(threading.get_ident())
        return f"{number}\n"


def test_a_stream_reads_the_next_page_when_the_last_was_taken() -> None:
    pages = Pages()

    async def taken(parts: AsyncIterator[bytes]) -> list[tuple[bytes, int]]:
        return [(part, len(pages.read)) async for part in parts]

    found = asyncio.run(taken(streamed(Threads(1), pages, text=pages.text)))
    assert found == [(b"1\n2\n", 1), (b"3\n", 2)]
    assert pages.read == [None, 2]


def test_a_list_is_read_and_written_off_the_event_loop() -> None:
    pages = Pages()
    reply = asyncio.run(listed(Threads(1), pages, text=pages.text, cursor=str))
    assert reply.body == (b'{"object":"list","data":[1\n,2\n],"has_more":true,"next_cursor":"2"}')
    assert threading.get_ident() not in pages.threads


def test_a_list_is_told_in_one_place_and_so_is_a_stream_of_rows() -> None:
    places = {path.relative_to(_API).as_posix(): path.read_text() for path in _API.rglob("*.py")}
    lists = {name for name, source in places.items() if "list_bytes(" in source}
    assert lists == {"http/listing.py", "http/json_text.py", *_NO_LISTS_OF_ROWS}
    streams = {name for name, source in places.items() if "StreamingResponse" in source}
    rows = {name for name in streams if "streamed(" in places[name]}
    assert streams - rows == _OWN_STREAMS
