"""Lists and streams of rows: read and written as JSON a page at a time, off the event loop."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TypeVar

from starlette.requests import Request

from agent_workers.state.database.pages import Page
from api.http.json_text import list_bytes
from api.http.replies import NO_STORE, JsonReply
from api.process.threads import Threads

T = TypeVar("T")
# The rows of a page as JSON, and from where the next page goes on.
Told = tuple[Sequence[str], str | None]


async def listed(
    threads: Threads,
    read: Callable[[], Page[T]],
    *,
    text: Callable[[T], str],
    cursor: Callable[[T], str],
    linked_from: Request | None = None,
) -> JsonReply:
    """Reply with a page; `cursor` tells the place of a row, to go on behind it."""

    def told() -> Told:
        page = read()
        return [text(row) for row in page.rows], cursor(page.rows[-1]) if page.more else None

    return await replied(threads, told, linked_from=linked_from)


async def replied(
    threads: Threads, told: Callable[[], Told], *, linked_from: Request | None = None
) -> JsonReply:
    """Reply with what a thread reads and writes."""

    def written() -> tuple[bytes, str | None]:
        texts, following = told()
        return list_bytes(texts, next_cursor=following), following

    body, following = await threads.run(written)
    link = [] if linked_from is None or following is None else [_link(linked_from, following)]
    return JsonReply(body, headers=[NO_STORE, *link])


def whole_list(texts: Iterable[str]) -> JsonReply:
    """Reply with a list that is as long for everybody: it has no rows."""
    return JsonReply(list_bytes(list(texts), next_cursor=None), headers=[NO_STORE])


async def streamed(
    threads: Threads, read: Callable[[T | None], Page[T]], *, text: Callable[[T], str]
) -> AsyncIterator[bytes]:
    """Yield all rows, a page at a time: the next one is read when this one has been taken."""

    def written(behind: T | None) -> tuple[bytes, T | None]:
        page = read(behind)
        part = "".join(map(text, page.rows)).encode("utf-8")
        return part, page.rows[-1] if page.more else None

    last: T | None = None
    while True:
        part, last = await threads.run(written, last)
        if part:
            yield part
        if last is None:
            return


def _link(request: Request, cursor: str) -> tuple[bytes, bytes]:
    following = request.url.include_query_params(cursor=cursor)
    return b"link", f'<{following.path}?{following.query}>; rel="next"'.encode("latin-1")
