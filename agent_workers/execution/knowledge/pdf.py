"""Reads PDF: the text of its pages, a passage for each."""

import io
import logging
from collections.abc import Iterator

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError

from agent_workers.domain.memory.knowledge import MOST_CHARS, Passage, ReadText, Unreadable
from agent_workers.execution.knowledge.plain import cleaned

MOST_PAGES = 5_000


def read_pdf(content: bytes) -> ReadText:
    """Return the text of a PDF's pages; what is only a picture of text is not read."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of every oddity it gets over
    try:
        return _read(PdfReader(io.BytesIO(content)))
    except (FileNotDecryptedError, DependencyError):
        raise Unreadable("it is a PDF that needs a password") from None
    except LimitReachedError:
        raise Unreadable("it is a PDF that decompresses to far too much") from None
    except RecursionError:
        raise Unreadable("it is a PDF that is nested too deeply") from None
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  # it meets what is broken in any way at all
        raise Unreadable(f"it is a broken PDF ({type(error).__name__})") from None


def _read(reader: PdfReader) -> ReadText:
    if reader.is_encrypted and not reader.decrypt(""):
        raise FileNotDecryptedError
    if len(reader.pages) > MOST_PAGES:
        raise Unreadable(f"it has more than {MOST_PAGES} pages")
    passages = list(_passages(reader))
    if not passages:
        raise Unreadable("it is a PDF without text: perhaps its pages are scans")
    about = reader.metadata
    title = about.title if about is not None else ""
    return ReadText(title=cleaned(str(title or "")).strip(), passages=passages)


def _passages(reader: PdfReader) -> Iterator[Passage]:
    left = MOST_CHARS
    for number, page in enumerate(reader.pages, start=1):
        text = cleaned(page.extract_text()).strip()
        left -= len(text)
        if left < 0:
            raise Unreadable(f"it has more than {MOST_CHARS} characters")
        if text:
            yield Passage(heading=f"page {number}", text=text)
