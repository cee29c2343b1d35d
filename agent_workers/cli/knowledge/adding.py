"""`agent-workers knowledge add`: finds files, reads each, and keeps what is new with its vectors."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent_workers.domain.ids import TenantId
from agent_workers.domain.memory.embedding import Embedder, NotEmbedded
from agent_workers.domain.memory.knowledge import Chunk, Document, Unreadable, Vectors, hash_of
from agent_workers.execution.knowledge.reading import KINDS, LARGEST_FILE, document_of
from agent_workers.state.knowledge.documents import Documents
from agent_workers.terminal.errors import CommandFailed
from agent_workers.terminal.printing import counted

MOST_FILES = 10_000
LONGEST_SOURCE = 1_024
_AT_ONCE = 64
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adding:
    """Adds files to one tenant's knowledge; one that cannot be read stops no other."""

    documents: Documents
    embedder: Embedder
    tenant_id: TenantId
    say: Say

    def add(self, paths: Sequence[Path]) -> int:
        """Add files and folders; returns how many files could not be added."""
        failed = 0
        for path in files_in(paths):
            source = source_of(path)
            try:
                _refuse_name(source)
                self.say(f"{self._add(source, _content(path))}: {source}")
            except (Unreadable, NotEmbedded) as error:
                failed += 1
                shown = source if source.isprintable() else ascii(source)
                self.say(f"not added: {shown}: {error}")
        return failed

    def embed_again(self) -> int:
        """Make vectors of the present model for what has others; goes on where it stopped."""
        found = self.documents.of_other_models(self.tenant_id, self.embedder.model)
        for document in found:
            chunks = self.documents.chunks(self.tenant_id, document.source)
            if not chunks:
                continue
            whole = replace(document, chunks=chunks)
            kept = self.documents.keep_again(self.tenant_id, whole, self._vectors(whole))
            self.say(f"{'embedded' if kept else 'changed meanwhile'}: {document.source}")
        return len(found)

    def _add(self, source: str, content: bytes) -> str:
        known = self.documents.known(self.tenant_id, source, hash_of(content))
        if known is not None and known.source != source:
            return self._same_as(source, known.source)
        if known is not None and known.model == self.embedder.model:
            return "unchanged"
        document = document_of(source, content)
        if not self.documents.keep(self.tenant_id, document, self._vectors(document)):
            return "added meanwhile under another name"
        return f"added in {counted(len(document.chunks), 'chunk')}"

    def _same_as(self, source: str, other: str) -> str:
        """What was kept under this name is not what the file says any more."""
        self.documents.remove(self.tenant_id, [source])
        return f"the same as {other}"

    def _vectors(self, document: Document) -> Vectors:
        texts = [_meant(document, chunk) for chunk in document.chunks]
        rows: list[list[float]] = []
        for at in range(0, len(texts), _AT_ONCE):
            rows += self.embedder.embed(texts[at : at + _AT_ONCE])
        return Vectors(model=self.embedder.model, rows=rows)


def files_in(paths: Sequence[Path]) -> Iterator[Path]:
    """Give every file that is named, and of folders those whose names say that they can be read."""
    count = 0
    for path in paths:
        if not path.exists():
            raise CommandFailed(f"there is no file or folder {str(path)!r}")
        for file in _files_of(path) if path.is_dir() else (path,):
            count += 1
            if count > MOST_FILES:
                raise CommandFailed(f"more than {MOST_FILES} files: add them in parts")
            yield file


def source_of(path: Path) -> str:
    """Return what a document is called: its path as it was typed, with nothing to clean up in it."""
    return Path(os.path.normpath(path)).as_posix()


def _refuse_name(source: str) -> None:
    """A name is shown on terminals and to models, and kept as text."""
    if not source.isprintable():
        raise Unreadable("its name has characters that are not printable")
    if len(source.encode()) > LONGEST_SOURCE:
        raise Unreadable(f"its name is longer than {LONGEST_SOURCE} bytes")


def _files_of(folder: Path) -> Iterator[Path]:
    """Walk a folder in order; links lead elsewhere, and hidden files are nobody's documents."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(place, name)
            hidden = name.startswith(".") or file.is_symlink()
            if not hidden and file.suffix.lower() in KINDS:
                yield file


def _content(path: Path) -> bytes:
    """Read a plain file, and no more of it than a document may have."""
    try:
        # Not to hang on a pipe that nobody writes to.
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(f"it cannot be opened: {error.strerror}") from None
    with os.fdopen(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Unreadable("it is not a regular file")
        return file.read(LARGEST_FILE + 1)


def _meant(document: Document, chunk: Chunk) -> str:
    """What a chunk means depends on where it stands."""
    return "\n".join(part for part in (document.title, chunk.heading, chunk.content) if part)
