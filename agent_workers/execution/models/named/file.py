"""Reads `models.yaml`: every mistake names file, line and member."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.models.quota import Quota
from agent_workers.execution.models.named.document import (
    ALIASES,
    KeyDocument,
    ModelDocument,
    ModelsDocument,
    PricesDocument,
    QuotaDocument,
    TenantDocument,
    members_at,
)
from agent_workers.execution.models.named.models import (
    KeyReference,
    NamedModel,
    NamedModels,
    own_name,
)
from agent_workers.execution.models.named.prices import Price, micro_usd
from agent_workers.execution.values.strict_documents import mistakes_of_document
from agent_workers.execution.values.yaml_places import NotYaml, PlacedDocument, read_yaml

_WHOLE: Final = "it must be a mapping with one member, `models`"


class ModelsMisdeclared(Misdeclared):
    """`models.yaml` says something that cannot be; `lines` names everything that is wrong."""

    exit_code = 2

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("; ".join(lines))


def load_models(file: Path) -> NamedModels:
    """Read a file of models, or raise all that is wrong with it."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelsMisdeclared([f"cannot read {str(file)!r}: {error}"]) from None
    return read_models(text, file=str(file))


def read_models(text: str, *, file: str) -> NamedModels:
    """Read the text of such a file."""
    try:
        documents = read_yaml(text, file=file)
    except NotYaml as error:
        raise ModelsMisdeclared([str(error)]) from None
    if len(documents) != 1:
        raise ModelsMisdeclared([f"{file}:1: {_WHOLE}, in one document"])
    [document] = documents
    if document.doubled:
        raise _wrong(document, document.doubled)
    try:
        read = ModelsDocument.model_validate_json(json.dumps(document.value, default=str))
    except ValidationError as error:
        found = mistakes_of_document(error, members_at, whole=_WHOLE, aliases=ALIASES)
        raise _wrong(document, found) from None
    mistakes = tuple(_unsaid(read))
    if mistakes:
        raise _wrong(document, mistakes)
    return NamedModels({one.name: one for one in _named(read, document)})


def _wrong(
    document: PlacedDocument, mistakes: Iterator[Mistake] | tuple[Mistake, ...]
) -> Misdeclared:
    placed = sorted((document.placed(one) for one in mistakes), key=lambda one: one.line)
    return ModelsMisdeclared([one.text for one in placed])


def _unsaid(read: ModelsDocument) -> Iterator[Mistake]:
    for name, said in read.models.items():
        if said.model is None and "/" not in name:
            words = "it is missing: say which model it is, such as openai/gpt-5-mini"
            yield Mistake(f"models.{name}.model", words)
        for tenant, own in said.tenants.items():
            if own.key is None and own.address is None:
                words = "it needs a key or an address of its own"
                yield Mistake(f"models.{name}.tenants.{tenant}", words)


def _named(read: ModelsDocument, document: PlacedDocument) -> Iterator[NamedModel]:
    for name, said in read.models.items():
        key = f"models.{name}"
        yield _model(name, said, place=f"{document.file}:{document.line_of(key)}")
        for tenant, own in said.tenants.items():
            line = document.line_of(f"{key}.tenants.{tenant}")
            yield _model(name, said, place=f"{document.file}:{line}", tenant=tenant, own=own)


def _model(
    name: str,
    said: ModelDocument,
    *,
    place: str,
    tenant: str = "",
    own: TenantDocument | None = None,
) -> NamedModel:
    own = own or TenantDocument()
    # A key that is meant for one address is never told to another.
    key = own.key or (None if own.address else said.key)
    return NamedModel(
        name=own_name(name, tenant) if tenant else name,
        model=own.model or said.model or name,
        place=place,
        address=own.address or said.address or "",
        key=_reference(key, Path(place).parent),
        settings=said.defaults.settings,
        extra=said.defaults.extra,
        drops_unsupported=said.drop_unsupported,
        timeout_s=said.defaults.timeout_s,
        price=_price(said.prices),
        quota=_quota(own.limits or said.limits),
        context_tokens=said.limits.context_tokens or 0,
        most_output_tokens=said.limits.max_output_tokens or 0,
    )


def _reference(key: KeyDocument | None, folder: Path) -> KeyReference | None:
    if key is None:
        return None
    return KeyReference(env=key.env, file=str(folder / key.file) if key.file else "")


def _quota(limits: QuotaDocument) -> Quota:
    return Quota(
        requests_per_minute=limits.requests_per_minute or 0,
        tokens_per_minute=limits.tokens_per_minute or 0,
    )


def _price(said: PricesDocument | None) -> Price | None:
    if said is None:
        return None
    plain = micro_usd(said.input)
    return Price(
        input=plain,
        cached=plain if said.cached_input is None else micro_usd(said.cached_input),
        cache_write=plain if said.cache_write is None else micro_usd(said.cache_write),
        output=micro_usd(said.output),
    )
