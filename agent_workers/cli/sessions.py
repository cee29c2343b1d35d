"""`agent-workers sessions`: what was said in conversations, and forgetting it, over HTTP."""

import argparse
import json

from agent_workers.cli.verbs import run_verb, verbs_of
from agent_workers.client.client import Client
from agent_workers.terminal.given import read_given
from agent_workers.terminal.printing import add_json, print_json, print_rows

_COLUMNS = ("id", "user_id", "messages", "job_id", "waits", "used_at", "expires_at")
_SAID = ("turn", "role", "at", "words")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_of(parser)
    listing = add("list", "list sessions, the most recently used first", _list)
    listing.add_argument("--limit", type=int, default=20, help="at most N sessions (20)")
    add_json(listing)
    show = _of_a_session(add("show", "print the messages of a session, the oldest first", _show))
    add_json(show)
    say = _of_a_session(add("say", "add a message to a session", _say))
    say.add_argument("words", help="text, @FILE, or - for standard input")
    say.add_argument(
        "--role", choices=["user", "assistant"], default="user", help="who says it (user)"
    )
    say.add_argument("--user", help="the user of the session")
    say.add_argument("--idempotency-key", help="the same key never adds a second message")
    _of_a_session(add("clear", "delete the messages of a session; its jobs go on", _clear))


def run(arguments: argparse.Namespace) -> int:
    return run_verb(arguments)


def _list(client: Client, arguments: argparse.Namespace) -> int:
    found = client.sessions.all(most=arguments.limit)
    if arguments.json:
        print_json(found)
    else:
        rows = [one | {"waits": len(one["waiting"])} for one in found]
        print_rows(
            rows, _COLUMNS, none="no sessions; `agent-workers jobs submit --session ID` begins one"
        )
    return 0


def _show(client: Client, arguments: argparse.Namespace) -> int:
    session = client.sessions.get(arguments.session_id)
    said = client.sessions.get_history(arguments.session_id)
    if arguments.json:
        print_json(session | {"history": said})
        return 0
    if session["summary"] is not None:
        summary = session["summary"]
        print(f"summary of turns {summary['first_turn']} to {summary['last_turn']}:")
        print(f"{summary['text']}\n")
    print_rows(
        [one | {"words": _words(one)} for one in said], _SAID, none="the session has no messages"
    )
    return 0


def _say(client: Client, arguments: argparse.Namespace) -> int:
    added = client.sessions.add_message(
        arguments.session_id,
        arguments.role,
        read_given(arguments.words, what="the message from "),
        user_id=arguments.user,
        idempotency_key=arguments.idempotency_key,
    )
    print(f"{added['id']} is turn {added['turn']} of {arguments.session_id}")
    return 0


def _clear(client: Client, arguments: argparse.Namespace) -> int:
    client.sessions.clear(arguments.session_id)
    print(f"{arguments.session_id} is cleared")
    return 0


# Any JSON may have been said; of a call it is enough to see which tool.
def _words(said: dict[str, object]) -> str:
    content, calls = said["content"], said["calls"]
    words = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    names = [str(call["name"]) for call in calls] if isinstance(calls, list) else []
    return " ".join([words, *(f"[calls {name}]" for name in names)]).replace("\n", " ")


def _of_a_session(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("session_id", metavar="SESSION", help="its id, as `sessions list` shows it")
    return parser
