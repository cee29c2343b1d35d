"""`agent-workers models`: lists the models that are known here, and tries one with a real call."""

import argparse
import json
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Final

from agent_workers.cli.verbs import verbs_here
from agent_workers.domain.models.settings import NOTHING_SAID
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.litellm.loading import load_litellm
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.named.catalog import ModelCatalog
from agent_workers.execution.models.named.configured import (
    ModelState,
    state_of_model,
    states_of_models,
)
from agent_workers.execution.models.named.document import ModelsDocument
from agent_workers.execution.models.named.models import NamedModel
from agent_workers.execution.models.named.prices import Price
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.execution.models.scripted.provider import register_scripted
from agent_workers.execution.models.values import Message, ModelReply, ModelRequest
from agent_workers.local.agents.models import catalog_here
from agent_workers.local.surroundings import settings_here
from agent_workers.settings import Settings
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.printing import add_json, print_json, print_rows
from agent_workers.terminal.slowness import told_when_slow
from agent_workers.terminal.times import positive

_COLUMNS = ("name", "model", "address", "key", "present", "prices", "limits", "source")
_PROMPT = "Say hello in one short sentence."
# Enough for a model that thinks before it speaks.
_MOST_TOKENS = 1_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_here(parser)
    listing = add(
        "list",
        "list the models of models.yaml, and those of the price table whose key is set",
        _list,
    )
    listing.add_argument("--all", action="store_true", help="list the whole price table")
    add_json(listing)
    trying = add("try", "make one small call of a model: its answer, tokens, cost and time", _try)
    trying.add_argument("name", help="a name of models.yaml, or provider/model")
    trying.add_argument("--prompt", default=_PROMPT, help=f"what to say ({_PROMPT!r})")
    trying.add_argument("--tenant", default="", help="as for a job of this tenant")
    trying.add_argument("--seconds", type=positive, default=60.0, help="how long it may take (60)")
    add_json(trying)
    add("schema", "print the JSON schema of models.yaml, for editors", _schema)


def run(arguments: argparse.Namespace) -> int:
    code: int = arguments.act(settings_here(arguments), arguments)
    return code


def _list(settings: Settings, arguments: argparse.Namespace) -> int:
    catalog = catalog_here(settings)
    shipped = states_of_models(catalog, sorted(catalog.prices.prices))
    others = [one for one in shipped if one.named is None and (arguments.all or one.has_key)]
    rows = [row_of(one) for one in (*states_of_models(catalog), *others)]
    if arguments.json:
        print_json(rows)
    else:
        print_rows(
            rows,
            _COLUMNS,
            none="no models; name some in models.yaml, or set a provider's key (docs/models.md)",
        )
    return 0


def _schema(_: Settings, __: argparse.Namespace) -> int:
    print(json.dumps(ModelsDocument.model_json_schema(), indent=2))
    return 0


def _try(settings: Settings, arguments: argparse.Namespace) -> int:
    catalog = catalog_here(settings)
    named = catalog.named.find(arguments.name, arguments.tenant)
    state = state_of_model(named.name if named else arguments.name, catalog)
    if state.price is None:
        raise WronglyAsked(state.problem)
    if state.problem:
        raise CommandFailed(state.problem)
    try:
        reply, seconds = _asked(settings, catalog, arguments)
    except ModelFailed as failed:
        place = f"{state.model}{state.address and ' at '}{state.address}"
        remedy = REMEDIES[failed.error_class]
        raise CommandFailed(f"{failed.said} ({place}): {remedy}") from None
    told = replied(state, reply, seconds=seconds)
    if arguments.json:
        print_json(told)
    else:
        print("\n".join(f"{name:<8} {value}" for name, value in told.items()))
    return 0


def _asked(
    settings: Settings, catalog: ModelCatalog, arguments: argparse.Namespace
) -> tuple[ModelReply, float]:
    request = ModelRequest(
        model=arguments.name,
        messages=(Message(role="user", content=arguments.prompt),),
        max_output_tokens=_MOST_TOKENS,
        purpose="plan",
    )
    prepared = catalog.named.prepared(request, NOTHING_SAID, tenant=arguments.tenant)
    with told_when_slow("loading the model library…"):
        litellm = load_litellm()
    register_scripted(litellm, load_script(*settings.scenario), models=catalog.provider_models)
    with closing(LoopThread()) as loop:
        gateway = LiteLLMGateway(
            litellm=litellm, prices=catalog.prices, loop=loop, access=catalog.access
        )
        began = time.monotonic()
        most = f"for {arguments.seconds:g} s at most"
        with told_when_slow(f"waiting for an answer from {prepared.model!r}, {most}…"):
            reply = gateway.complete(prepared, deadline_s=arguments.seconds)
        return reply, time.monotonic() - began


_MICRO: Final = 1_000_000
_LATER: Final = "try again later"
REMEDIES: Final[Mapping[ErrorClass, str]] = {
    ErrorClass.RATE_LIMIT: "this key asks the provider too often; set limits in models.yaml below the provider's",
    ErrorClass.OVERLOADED: _LATER,
    ErrorClass.SERVER_ERROR: f"the server failed; look at its log, or {_LATER}",
    ErrorClass.TIMEOUT: "it took too long; raise --seconds, or timeout_s in models.yaml",
    ErrorClass.CONNECTION: "is the server running at this address, and reachable from here?",
    ErrorClass.MALFORMED: "the answer is not from this kind of API; check the address and the provider",
    ErrorClass.TRUNCATED: "raise max_output_tokens",
    ErrorClass.AUTH: "check the key, and that it is meant for this address",
    ErrorClass.QUOTA: "the account has no credit left; check its billing",
    ErrorClass.NOT_FOUND: "the provider has no such model at this address; check `model` and `address`",
    ErrorClass.CONTEXT_WINDOW: "shorten the prompt, or use a model with a larger context window",
    ErrorClass.UNSUPPORTED: "the model does not support this request",
    ErrorClass.UNPRICED: "set `prices` in models.yaml",
    ErrorClass.BUDGET: "a budget is used up",
    ErrorClass.BAD_REQUEST: "the provider refuses a parameter; see `defaults` in models.yaml",
    ErrorClass.CONTENT_POLICY: "the provider refuses this prompt",
    ErrorClass.BREAKER_OPEN: _LATER,
    ErrorClass.UNKNOWN: "the provider's documentation may explain this message",
}


def row_of(state: ModelState) -> dict[str, object]:
    """Write a model as a row of the list."""
    return {
        "name": state.name,
        "model": state.model,
        "address": state.address,
        "key": state.key.source,
        "present": "yes" if state.has_key else "no",
        "prices": _price(state.price),
        "limits": _limits(state.named),
        "source": state.source,
    }


def replied(state: ModelState, reply: ModelReply, *, seconds: float) -> dict[str, object]:
    """Write what a call gave."""
    usage = reply.usage
    return {
        "model": reply.model,
        "address": state.address or "the provider's own",
        "key": state.key.source,
        "answer": reply.text or f"(no text; finish reason: {reply.finish_reason})",
        "tokens": f"{usage.input} in ({usage.cached} cached), {usage.output} out",
        "cost": f"{usage.cost_micro / _MICRO:.6f} USD",
        "took": f"{seconds:.2f} s",
    }


def _price(price: Price | None) -> str:
    if price is None:
        return "none"
    told = [f"in {price.input / _MICRO:g}", f"out {price.output / _MICRO:g}"]
    if price.cached != price.input:
        told.insert(1, f"cached {price.cached / _MICRO:g}")
    return ", ".join(told)


def _limits(named: NamedModel | None) -> str:
    if named is None:
        return ""
    said = {
        "requests/min": named.quota.requests_per_minute,
        "tokens/min": named.quota.tokens_per_minute,
        "context": named.context_tokens,
        "output": named.most_output_tokens,
    }
    return ", ".join(f"{value} {name}" for name, value in said.items() if value)
