"""The words that the schemas of the OpenAPI document are made of."""

from api.http.asked import A_YEAR_S

# JSON Schema is data of any shape.
Schema = dict[str, object]
INSTANT_FORM = r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$"
JOB_ID_FORM = "^(job_|resp_)?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"
# NUL is refused in all text: Postgres cannot keep it.
WITHOUT_NUL = r"^[^\x00]*$"


def text(*, least: int = 0, most: int | None = None) -> Schema:
    schema: Schema = {"type": "string", "minLength": least, "pattern": WITHOUT_NUL}
    return schema | ({} if most is None else {"maxLength": most})


def optional(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def closed(properties: Schema, *required: str) -> Schema:
    """Return the schema of a body: unknown members are refused."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def shown(properties: Schema) -> Schema:
    """Return the schema of a reply: every member is there, and more may come with time."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def listed(name: str) -> Schema:
    return shown(
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": reference(name)},
            "has_more": BOOLEAN,
            "next_cursor": optional(STRING),
        }
    )


STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ANYTHING: Schema = {}
INSTANT: Schema = {"type": "string", "format": "date-time"}
ANY_JOB_ID: Schema = {"type": "string", "pattern": JOB_ID_FORM}
JOB_ID: Schema = {"type": "string", "pattern": "^job_[0-9a-f]{32}$"}
MAYBE_INSTANT = optional(INSTANT)
MAYBE_TEXT = optional(STRING)
AMOUNT_FORM = r"^(?=.*[1-9])([0-9]{1,5}|[1-8][0-9]{5})(\.[0-9]{1,6})?$"
NAMES: Schema = {"pattern": WITHOUT_NUL}
OBJECT: Schema = {
    "type": "object",
    "propertyNames": NAMES,
    "additionalProperties": {"$ref": "#/components/schemas/Json"},
}
AHEAD: Schema = {
    "description": "A time in the future, or seconds from now.",
    "anyOf": [
        {"type": "string", "format": "date-time", "pattern": INSTANT_FORM},
        {"type": "number", "exclusiveMinimum": 0, "maximum": A_YEAR_S},
        {"type": "null"},
    ],
}
