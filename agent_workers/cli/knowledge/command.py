"""`agent-workers knowledge`: loads documents that agents may search, shows and removes them."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from agent_workers.cli.knowledge.adding import Adding
from agent_workers.cli.verbs import verbs_here
from agent_workers.domain.ids import TenantId
from agent_workers.domain.memory.knowledge import Hit, Question
from agent_workers.local.agents.models import embedder_here
from agent_workers.local.database import database_at
from agent_workers.local.surroundings import system_here
from agent_workers.state.knowledge.documents import Documents
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.printing import add_json, counted, print_json, print_rows

_COLUMNS = ("source", "kind", "bytes", "chunks", "updated_at", "model")
_SHOWN_CHARS = 300
Act = Callable[[Adding, argparse.Namespace], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verb = verbs_here(parser, whose="documents")
    add = verb("add", "load files and folders: text, Markdown, HTML and PDF", _add)
    add.add_argument(
        "paths", nargs="+", type=Path, metavar="FILE|FOLDER", help="a folder with all that is in it"
    )
    add_json(verb("list", "list the documents", _list))
    show = verb("show", "print the chunks of a document", _show)
    show.add_argument("source", help="as `knowledge list` shows it")
    add_json(show)
    search = verb("search", "search the documents, as the tool search_knowledge does", _search)
    search.add_argument("question", help="what to search for, in words")
    search.add_argument(
        "--limit",
        type=int,
        default=5,
        choices=range(1, 21),
        metavar="1..20",
        help="at most this many passages (5)",
    )
    add_json(search)
    remove = verb("remove", "remove documents", _remove)
    remove.add_argument("sources", nargs="+", metavar="SOURCE", help="as `knowledge list` shows it")
    verb("reembed", "recompute the vectors that another model made", _embed_again)


def run(arguments: argparse.Namespace) -> int:
    _refuse_bytes([arguments.tenant, *_sources_of(arguments)])
    with _adding(arguments) as adding:
        code: int = arguments.act(adding, arguments)
    return code


def _sources_of(arguments: argparse.Namespace) -> list[str]:
    one = getattr(arguments, "source", None)
    return getattr(arguments, "sources", []) if one is None else [one]


def _refuse_bytes(words: list[str]) -> None:
    """A shell gives whatever bytes it was given; what is no text is the name of nothing here."""
    for word in words:
        if not word.isprintable() or not word:
            raise WronglyAsked(f"{word!r} is not a name: it is empty or not printable")


def _add(adding: Adding, arguments: argparse.Namespace) -> int:
    failed = adding.add(arguments.paths)
    if failed:
        raise CommandFailed(f"{counted(failed, 'file')} could not be added")
    return 0


def _list(adding: Adding, arguments: argparse.Namespace) -> int:
    rows = [asdict(one) for one in adding.documents.all(adding.tenant_id)]
    if arguments.json:
        print_json(rows)
    else:
        print_rows(
            rows,
            _COLUMNS,
            none=f"tenant {adding.tenant_id!r} has no documents; `agent-workers knowledge add PATH` adds some",
        )
    return 0


def _show(adding: Adding, arguments: argparse.Namespace) -> int:
    chunks = adding.documents.chunks(adding.tenant_id, arguments.source)
    if not chunks:
        raise _unknown(adding, [arguments.source])
    if arguments.json:
        print_json([asdict(chunk) for chunk in chunks])
        return 0
    for chunk in chunks:
        print(f"[{chunk.chunk_id}] {chunk.heading}".rstrip(), chunk.content, "", sep="\n")
    return 0


def _search(adding: Adding, arguments: argparse.Namespace) -> int:
    text = arguments.question.replace("\0", " ")
    if not text.strip():
        raise CommandFailed("say in words what to search for")
    question = Question(
        text=text,
        vector=adding.embedder.embed([text])[0],
        model=adding.embedder.model,
        limit=arguments.limit,
    )
    hits = adding.documents.search(adding.tenant_id, question)
    if arguments.json:
        print_json([asdict(hit) for hit in hits])
        return 0
    for hit in hits:
        _tell(hit)
    if not hits:
        print("nothing was found")
    return 0


def _remove(adding: Adding, arguments: argparse.Namespace) -> int:
    removed = adding.documents.remove(adding.tenant_id, arguments.sources)
    for source in removed:
        print(f"removed: {source}")
    missing = sorted(set(arguments.sources) - set(removed))
    if missing:
        raise _unknown(adding, missing)
    return 0


def _unknown(adding: Adding, sources: Sequence[str]) -> CommandFailed:
    named = ", ".join(map(repr, sources))
    listed = "see `agent-workers knowledge list`"
    return CommandFailed(f"tenant {adding.tenant_id!r} has no document {named}: {listed}")


def _embed_again(adding: Adding, _: argparse.Namespace) -> int:
    if not adding.embed_again():
        print(f"all vectors are from {adding.embedder.model}; nothing to do")
    return 0


def _tell(hit: Hit) -> None:
    near = "" if hit.similarity is None else f" ({hit.similarity:.2f})"
    where = " > ".join(part for part in (hit.source, hit.heading) if part)
    cut = "…" if len(hit.content) > _SHOWN_CHARS else ""
    print(f"[{hit.chunk_id}]{near} {where}", hit.content[:_SHOWN_CHARS] + cut, "", sep="\n")


@contextmanager
def _adding(arguments: argparse.Namespace) -> Iterator[Adding]:
    settings = system_here(arguments)
    with database_at(settings.database_url, "knowledge") as database:
        yield Adding(
            documents=Documents(database),
            embedder=embedder_here(settings),
            tenant_id=TenantId(arguments.tenant),
            say=print,
        )
