"""`agent-workers memory`: lists, searches, forgets, exports and keeps up what agents remember."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

from agent_workers.cli.memory.place import Place, job_of, memory_of
from agent_workers.cli.memory.quality import measure
from agent_workers.cli.verbs import VerbsHere, verbs_here
from agent_workers.domain.ids import MEMORY_ID, TenantId, to_wire
from agent_workers.domain.memory.memory import Memory, embedded_text, spelled_subject
from agent_workers.local.agents.models import embedder_here
from agent_workers.local.database import database_at
from agent_workers.local.surroundings import system_here
from agent_workers.state.memories.indexes import MemoryIndexes
from agent_workers.state.memories.rows import MemoryRows, Which
from agent_workers.state.memories.search import MemorySearch, Namespace
from agent_workers.terminal.errors import WronglyAsked
from agent_workers.terminal.printing import (
    add_json,
    counted,
    print_json,
    print_rows,
    print_thing,
    written,
)

_COLUMNS = ("id", "user_id", "subject", "created_at", "job_id", "content")
_FOUND = ("score", "id", "subject", "created_at", "job_id", "content")
_PAGE = 500
Act = Callable[[Place, argparse.Namespace], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_here(parser, whose="memories")
    _add_looking(add)
    _add_ending(add)
    add("reembed", "recompute the vectors that another model made; may be interrupted", reembed)
    add("index", "build an index, for users with more than 10,000 memories", index)
    quality = add(
        "quality", "measure recall on a labelled set, compared with keyword search", measure
    )
    add_json(quality)


def _add_looking(add: VerbsHere) -> None:
    listing = add("list", "list memories, the newest first", _list)
    listing.add_argument("--user", help="only memories of this user ('': of jobs without a user)")
    listing.add_argument("--subject", help="only memories about this subject")
    listing.add_argument("--job", help="only memories that this job stored")
    listing.add_argument("--history", action="store_true", help="include superseded memories")
    listing.add_argument("--limit", type=int, default=50, help="at most N memories (50)")
    add_json(listing)
    search = add("search", "find memories by meaning, as `recall` does", _search)
    search.add_argument("query", help="what to search for, in words")
    search.add_argument(
        "--user", default="", help="whose memories; by default those of jobs without a user"
    )
    search.add_argument("--limit", type=int, default=10, help="at most N memories (10)")
    add_json(search)
    show = add("show", "show a memory with its source, and what it has replaced", _show)
    show.add_argument("memory_id", metavar="MEMORY", help="its id, as `memory list` shows it")
    add_json(show)
    export = add("export", "print all memories as JSON lines, superseded ones included", _export)
    export.add_argument("--user", help="only memories of this user")


def _add_ending(add: VerbsHere) -> None:
    forget = add("forget", "delete a memory with its history, or all memories of a user", _forget)
    forget.add_argument(
        "memory_id", nargs="?", metavar="MEMORY", help="its id, as `memory list` shows it"
    )
    forget.add_argument("--user", help="delete all memories of this user instead")
    undo = add(
        "undo-job", "remove what an ended job stored, and restore what it had replaced", _undo
    )
    undo.add_argument("job_id", metavar="JOB", help="its id, as job_…")


def run(arguments: argparse.Namespace) -> int:
    act: Act = arguments.act
    with _place(arguments) as place:
        return act(place, arguments)


def _list(place: Place, arguments: argparse.Namespace) -> int:
    which = Which(
        user_id=arguments.user,
        subject=None if arguments.subject is None else spelled_subject(arguments.subject),
        job_id=None if arguments.job is None else job_of(arguments.job),
        history=arguments.history,
    )
    found = islice(_memories(place, which), max(arguments.limit, 1))
    _print([_shown(one) for one in found], _COLUMNS, arguments)
    return 0


def _search(place: Place, arguments: argparse.Namespace) -> int:
    if not arguments.query.strip() or "\0" in arguments.query:
        raise WronglyAsked("say in words what to search for")
    embedder = place.embedder
    [vector] = embedder.embed([arguments.query])
    here = Namespace(tenant_id=place.tenant_id, user_id=arguments.user)
    limit = max(arguments.limit, 1)
    recollection = MemorySearch(place.database).nearest(here, embedder.model, vector, limit=limit)
    rows = [{"score": round(one.score, 3)} | _shown(one.memory) for one in recollection.found]
    _print(rows, _FOUND, arguments)
    if recollection.unsearched and not arguments.json:
        left = counted(recollection.unsearched, "memory was", "memories were")
        why = "another model made their vectors; run `agent-workers memory reembed`"
        print(f"{left} not searched: {why}", file=sys.stderr)
    return 0


def _show(place: Place, arguments: argparse.Namespace) -> int:
    memory_id = memory_of(arguments.memory_id)
    memory = place.rows.one(place.tenant_id, memory_id)
    replaced = place.rows.replaced_by(place.tenant_id, memory_id)
    whole = _shown(memory) | {"replaced": [_shown(one) for one in replaced]}
    print_thing(whole, as_json=arguments.json)
    return 0


def _export(place: Place, arguments: argparse.Namespace) -> int:
    for memory in _memories(place, Which(user_id=arguments.user, history=True)):
        print(json.dumps(_shown(memory), ensure_ascii=False, default=written))
    return 0


def _memories(place: Place, which: Which) -> Iterator[Memory]:
    behind: tuple[datetime, UUID] | None = None
    while True:
        page = place.rows.page(place.tenant_id, which, limit=_PAGE, behind=behind)
        yield from page.rows
        if not page.more:
            return
        behind = (page.rows[-1].created_at, page.rows[-1].memory_id)


def _forget(place: Place, arguments: argparse.Namespace) -> int:
    if (arguments.memory_id is None) == (arguments.user is None):
        raise WronglyAsked("give the id of a memory, or --user to delete all memories of a user")
    if arguments.user is None:
        place.rows.forget(place.tenant_id, memory_of(arguments.memory_id))
        print(f"forgot {arguments.memory_id}")
    else:
        gone = place.rows.forget_user(place.tenant_id, arguments.user)
        print(f"forgot {counted(gone, 'memory', 'memories')} of user {arguments.user!r}")
    return 0


def _undo(place: Place, arguments: argparse.Namespace) -> int:
    done = place.rows.unlearn_job(place.tenant_id, job_of(arguments.job_id))
    removed = counted(done.removed, "memory", "memories")
    print(f"removed {removed}; restored {done.restored} that had been replaced")
    return 0


def _shown(memory: Memory) -> dict[str, object]:
    heir = memory.superseded_by
    told = asdict(memory)
    del told["memory_id"]
    return (
        {"id": MEMORY_ID.written(memory.memory_id)}
        | told
        | {
            "job_id": to_wire(memory.job_id),
            "superseded_by": None if heir is None else MEMORY_ID.written(heir),
        }
    )


def _print(
    rows: list[dict[str, object]], columns: tuple[str, ...], arguments: argparse.Namespace
) -> None:
    if arguments.json:
        print_json(rows)
    else:
        told = [row | {"content": " ".join(str(row["content"]).split())} for row in rows]
        print_rows(told, columns, none="no memories found")


@contextmanager
def _place(arguments: argparse.Namespace) -> Iterator[Place]:
    settings = system_here(arguments)
    with database_at(settings.database_url, "memory") as database:
        yield Place(
            database=database,
            rows=MemoryRows(database),
            embedder=embedder_here(settings),
            tenant_id=TenantId(arguments.tenant),
        )


_AT_ONCE: Final = 64
_BEFORE_ALL: Final = ("", UUID(int=0))


def reembed(place: Place, _: argparse.Namespace) -> int:
    """Make vectors anew, of all tenants, a batch at a time: what was cut short goes on from there."""
    indexes, embedder = MemoryIndexes(place.database), place.embedder
    behind, renewed = _BEFORE_ALL, 0
    while found := indexes.stale(embedder.model, behind=behind, limit=_AT_ONCE):
        vectors = embedder.embed([embedded_text(one.subject, one.content) for one in found])
        renewed += indexes.renew(embedder.model, list(zip(found, vectors, strict=True)))
        behind = (found[-1].tenant_id, found[-1].memory_id)
        memories = counted(renewed, "memory", "memories")
        print(f"recomputed the vectors of {memories} with {embedder.model}", flush=True)
    if not renewed:
        print(f"all vectors are from {embedder.model}; nothing to do")
    return 0


def index(place: Place, _: argparse.Namespace) -> int:
    """Make the index over the vectors of the model in use, of all tenants."""
    made = MemoryIndexes(place.database).make(place.embedder.model)
    print(f"built the index {made} on the vectors of {place.embedder.model}")
    return 0
