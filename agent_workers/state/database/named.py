"""SQL in which each value stands under its name, for functions that take many."""

from collections.abc import Mapping


def columns(attributes: str) -> dict[str, str]:
    """Read the attributes of a composite type as `create type` lists them: a name and a type each."""
    return dict(one.split() for one in attributes.split(","))


def composite(type_: str, columns: Mapping[str, str]) -> str:
    """Write one value of a composite type, whose attributes are these, in this order."""
    values = ", ".join(f"%({name})s::{kind}" for name, kind in columns.items())
    return f"row({values})::{type_}"


def named_call(function: str, names: str) -> str:
    """Write a call of a function; its parameters are these names behind `p_`."""
    values = ", ".join(f"p_{name} => %({name})s" for name in names.split())
    return f"{function}({values})"
