"""What an operator says of tools when approving them: their class, their time, their keys."""

import argparse
from datetime import timedelta

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.mcp.servers import EFFECTS, Terms
from agent_workers.terminal.errors import WronglyAsked
from agent_workers.terminal.times import positive


def add_terms(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "tools", nargs="*", metavar="TOOL", help="by default all that are not approved yet"
    )
    classes = [effect.value for effect in EFFECTS]
    verb.add_argument(
        "--effect",
        choices=classes,
        default="unsafe",
        help="how a call may be repeated (unsafe: never)",
    )
    verb.add_argument(
        "--timeout",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="how long one call may take (30)",
    )
    verb.add_argument(
        "--key-ttl", type=positive, metavar="HOURS", help="how long the server honours a key"
    )
    verb.add_argument(
        "--key-argument", default="", metavar="NAME", help="the argument that carries the key"
    )
    final = "an error that the server reports means that nothing was done"
    verb.add_argument("--errors-are-final", action="store_true", help=final)
    verb.add_argument("--hash", default="", help="approve only if the tool's hash begins with this")


def terms_of(arguments: argparse.Namespace) -> Terms:
    effect = EffectClass(arguments.effect)
    is_keyed = effect is EffectClass.KEYED
    if is_keyed is not bool(arguments.key_ttl) or is_keyed is not bool(arguments.key_argument):
        raise WronglyAsked(
            "--effect keyed needs --key-ttl and --key-argument; no other effect takes them"
        )
    if not 0.1 <= arguments.timeout <= 3_600:  # noqa: PLR2004 (the message says it)
        raise WronglyAsked("--timeout must be between 0.1 and 3600 seconds")
    return Terms(
        effect=effect,
        timeout=timedelta(seconds=arguments.timeout),
        key_ttl=timedelta(hours=arguments.key_ttl) if arguments.key_ttl else None,
        key_argument=arguments.key_argument,
        errors_are_final=arguments.errors_are_final,
    )
