"""`agent-workers jobs files` and `file`: what a job wrote, as a list and one by one."""

import argparse
import sys
from pathlib import Path

from agent_workers.client.client import Client
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.printing import add_json, print_json, print_rows

_COLUMNS = ("name", "bytes", "version", "updated_at", "etag")


def add_files_arguments(listing: argparse.ArgumentParser, one: argparse.ArgumentParser) -> None:
    add_json(listing)
    one.add_argument("name", help="the file's name, as `jobs files` lists it")
    one.add_argument(
        "--out", type=Path, metavar="PATH", help="write it to this file, which must not exist yet"
    )


def list_files(client: Client, arguments: argparse.Namespace) -> int:
    found = client.artifacts.all(arguments.job_id)
    if arguments.json:
        print_json(found)
    else:
        print_rows(found, _COLUMNS, none="the job has no files")
    return 0


def show_file(client: Client, arguments: argparse.Namespace) -> int:
    content = client.artifacts.read(arguments.job_id, arguments.name)
    if arguments.out is not None:
        _keep(arguments.out, content)
        return 0
    if sys.stdout.isatty() and not _is_harmless(content):
        raise WronglyAsked("the file is not plain text: write it to a file with --out PATH")
    sys.stdout.buffer.write(content)
    sys.stdout.flush()
    return 0


def _keep(path: Path, content: bytes) -> None:
    """Write a new file: what a job wrote replaces nothing that is here already."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise CommandFailed(f"{path} exists already; nothing was written") from None
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written: {error.strerror}") from None


def _is_harmless(content: bytes) -> bool:
    """A terminal follows what it is told by control characters, whoever wrote them."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\n\t" for letter in text)
