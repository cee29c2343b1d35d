"""The types that bodies and replies are described with, where plain Python types say too little."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    RootModel,
    TypeAdapter,
    create_model,
)
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from agent_workers.domain.ids import (
    BATCH_ID,
    DEAD_LETTER_ID,
    DELIVERY_ID,
    ENDPOINT_ID,
    EVENT_ID,
    LOOSE_DIGITS,
    MEMORY_ID,
    SCHEDULE_ID,
    TRIGGER_ID,
)
from agent_workers.domain.text.strict_json import DEEPEST, MOST_NODES

# JSON Schema is data of any shape.
Schema = dict[str, Any]
INSTANT_FORM = r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$"
JOB_ID_FORM = f"^(job_|resp_)?{LOOSE_DIGITS}$"


class Described:
    """Gives a value the schema of another type: its own validation is too loose to describe it."""

    def __init__(self, kind: Any) -> None:  # noqa: ANN401 (any type)
        self._kind = kind

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        # In a chain, or what `Field` says of the type would be lost.
        inner: CoreSchema = TypeAdapter(self._kind).core_schema
        return handler(core_schema.chain_schema([inner]))


class Body(BaseModel):
    """What a caller may send: unknown members are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Json(RootModel[Any]):
    __doc__ = f"Any JSON: at most {DEEPEST} levels and {MOST_NODES:,} values; integers of 64 bits."

    # In words only: generators of clients cannot follow a union that contains itself.
    root: Any


# Any: JSON of somebody else's shape. A value of the first kind may be anything, also in a schema.
Anything = Any
AnyJson = Annotated[Any, Described(Json)]
JsonObject = dict[str, AnyJson]
Strings = dict[str, str]
Count = Annotated[int, Field(ge=0)]
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
InstantText = Annotated[
    str, Field(json_schema_extra={"format": "date-time", "pattern": INSTANT_FORM})
]
JobIdText = Annotated[str, Field(pattern="^job_[0-9a-f]{32}$")]
AnyJobIdText = Annotated[str, Field(pattern=JOB_ID_FORM)]
BatchIdText = Annotated[str, Field(pattern=BATCH_ID.form_read)]
ScheduleIdText = Annotated[str, Field(pattern=SCHEDULE_ID.form_read)]
BatchId = Annotated[str, Field(pattern=BATCH_ID.form)]
DeadLetterId = Annotated[str, Field(pattern=DEAD_LETTER_ID.form)]
DeliveryId = Annotated[str, Field(pattern=DELIVERY_ID.form)]
EndpointId = Annotated[str, Field(pattern=ENDPOINT_ID.form)]
EventId = Annotated[str, Field(pattern=EVENT_ID.form)]
MemoryId = Annotated[str, Field(pattern=MEMORY_ID.form)]
ScheduleId = Annotated[str, Field(pattern=SCHEDULE_ID.form)]
TriggerId = Annotated[str, Field(pattern=TRIGGER_ID.form)]


def types_of(model: type[BaseModel], *names: str) -> dict[str, Any]:
    """Return the types of a model's members, of all or of some."""
    return {
        name: model.model_fields[name].rebuild_annotation() for name in names or model.model_fields
    }


def like(name: str, types: Mapping[str, Any], *, required: tuple[str, ...] = ()) -> type[Body]:
    """Return a model with members of these types, of which only some must be given."""
    members = {
        member: (kind, ... if member in required else None) for member, kind in types.items()
    }
    return create_model(name, __base__=Body, **members)  # type: ignore[call-overload, no-any-return]


def page_of(name: str, row: object) -> Any:  # noqa: ANN401 (a type)
    """Return the reply that is a page of a list."""
    members = {
        "object": Literal["list"],
        "data": list[row],  # type: ignore[valid-type]
        "has_more": bool,
        "next_cursor": str | None,
    }
    return TypedDict(name, members)  # type: ignore[operator]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of the forms that a body may have, by what it says of the members of its model."""

    required: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    null: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    fixed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, whole: Schema) -> Schema:
        members = {
            name: {"type": "null"} if name in self.null else schema
            for name, schema in whole["properties"].items()
            if name not in self.without
        }
        members |= {name: without_null(members[name]) for name in self.required}
        members |= {name: members[name] | {"minItems": 1} for name in self.filled}
        members |= {name: {"enum": list(values)} for name, values in self.fixed.items()}
        required = sorted({*whole.get("required", ()), *self.required} - set(self.without))
        return {
            "type": "object",
            "properties": members,
            "required": required,
            "additionalProperties": False,
        }


def variants(*them: Variant) -> Callable[[Schema], None]:
    """Return what turns the schema of a model into that of its forms."""

    def split(schema: Schema) -> None:
        forms = [one.of(schema) for one in them]
        for name in ("type", "properties", "required", "additionalProperties"):
            schema.pop(name, None)
        schema["anyOf"] = forms

    return split


def without_null(schema: Schema) -> Schema:
    """Return the schema of a value that is there."""
    kept = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    match kept:
        case []:
            return schema
        case [one]:
            return {**rest, **one}
        case _:
            return rest | {"anyOf": kept}
