"""Tables and code in Markdown, as the generated pages write them."""

from collections.abc import Iterable, Sequence

MADE = "<!-- `make reference` writes this page from the code. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing if it has no row."""
    cells = [[cell(one) for one in row] for row in rows]
    lines = (f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *cells))
    return "\n".join(lines) if cells else ""


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def page(title: str, *parts: str) -> str:
    return "\n\n".join(part for part in (MADE, f"# {title}", *parts) if part) + "\n"
