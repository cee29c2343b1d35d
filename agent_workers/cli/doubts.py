"""`agent-workers doubts`: lists effects that may have happened, and takes a person's verdict."""

import argparse

from agent_workers.cli.verbs import run_verb, verbs_of
from agent_workers.client.client import Client
from agent_workers.terminal.errors import WronglyAsked
from agent_workers.terminal.given import read_json
from agent_workers.terminal.printing import add_json, print_json, print_rows, print_thing

_COLUMNS = ("effect_key", "job_id", "position", "tool", "doubted_at", "doubt_reason")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_of(parser)
    add_json(add("list", "list effects in doubt, the oldest doubt first", _list))
    show = add("show", "print an effect: its request, its permits and all evidence", _show)
    show.add_argument("effect_key", metavar="KEY", help="as `doubts list` shows it")
    add_json(show)
    resolve = add("resolve", "say whether an effect happened; its job goes on from there", _resolve)
    resolve.add_argument("effect_key", metavar="KEY", help="as `doubts list` shows it")
    verdict = resolve.add_mutually_exclusive_group(required=True)
    for words, (value, told) in _VERDICTS.items():
        verdict.add_argument(
            f"--{words}", dest="verdict", action="store_const", const=value, help=told
        )
    resolve.add_argument("--result", help="what the tool returned, as JSON; --happened needs it")
    resolve.add_argument("--reason", required=True, help="how you know; it is kept as evidence")


def run(arguments: argparse.Namespace) -> int:
    return run_verb(arguments)


def _list(client: Client, arguments: argparse.Namespace) -> int:
    found = client.doubts()
    if arguments.json:
        print_json(found)
    else:
        print_rows(found, _COLUMNS, none="nothing is in doubt")
    return 0


def _show(client: Client, arguments: argparse.Namespace) -> int:
    effect = client.doubt(arguments.effect_key)
    print_thing(effect, as_json=arguments.json)
    if effect["state"] == "in_doubt" and not arguments.json:
        print(_FIND_OUT.format(key=effect["effect_key"], since=effect["permits"][0]["granted_at"]))
    return 0


def _resolve(client: Client, arguments: argparse.Namespace) -> int:
    effect = client.resolve(
        arguments.effect_key,
        arguments.verdict,
        reason=arguments.reason,
        result=_result(arguments),
    )
    print(_told(arguments.verdict, ended=client.get(effect["job_id"]).finished))
    return 0


def _told(verdict: str, *, ended: bool) -> str:
    recorded, follows = _RECORDED[verdict]
    return f"Recorded: {recorded}. {'Its job had already ended.' if ended else follows}"


def _result(arguments: argparse.Namespace) -> object:
    happened = arguments.verdict == "happened"
    if happened and arguments.result is None:
        raise WronglyAsked(
            "--happened needs --result: what the tool would have returned, as JSON; the job goes on"
            " with it, and it cannot be changed later (null if the tool returns nothing)"
        )
    if arguments.result is not None and not happened:
        raise WronglyAsked("--result needs --happened")
    return read_json(arguments.result, what="--result") if happened else None


_FIND_OUT = """
Find out at the other side whether this request arrived after {since}; then
  agent-workers doubts resolve {key} --happened --result JSON --reason …
  agent-workers doubts resolve {key} --not-happened --reason …
  agent-workers doubts resolve {key} --abandon --reason …     (if nobody can know)"""
# What is recorded, and what follows.
_RECORDED = {
    "happened": ("it happened", "Its job goes on with that result; the tool is not called again."),
    "not_happened": ("it did not happen", "The tool will be called again."),
    "abandon": (
        "nobody knows what became of it",
        "The step fails with `effect_abandoned`; the tool is not called again.",
    ),
}
_VERDICTS = {
    "happened": ("happened", "it took effect: the job goes on with --result"),
    "not-happened": ("not_happened", "it took no effect: the tool is called again"),
    "abandon": ("abandon", "nobody will know: the step fails with `effect_abandoned`"),
}
