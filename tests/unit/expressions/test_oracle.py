"""Another implementation of the language gives the same values."""

import json
from typing import Any

from cel_expr_python import cel
from hypothesis import given
from hypothesis import strategies as st

from agent_workers.expressions.budget import Budget
from agent_workers.expressions.errors import Malformed, NoValue
from agent_workers.expressions.expression import expression

DATA = {
    "n": 7,
    "x": 2.5,
    "s": "ab",
    "l": [3, 1, 2],
    "m": {"a": 1, "b": [True]},
    "t": True,
    "e": None,
}
_ATOMS = st.sampled_from(
    "1 2 -3 0 2.5 'a' 'ab' true false null data.n data.x data.s data.l data.m data.t data.e"
    " data.m.a data.missing data.l[0] data.l[9] data.m.b item [] [1,2] {} {'a':1}".split()
)
_BINARY = st.sampled_from("+ - * / % == != < <= > >= && || in".split())
_LOOPS = st.sampled_from(["all", "exists", "exists_one", "filter", "map"])


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, _BINARY, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("-({})".format, inner),
        st.builds("({}).{}(item, {})".format, inner, _LOOPS, inner),
        st.builds("size({})".format, st.sampled_from(["data.l", "data.m", "[]", "'ab'", "data.s"])),
        st.builds("has({}.a)".format, st.sampled_from(["data", "data.m", "data.s"])),
        st.builds(
            "({}).{}({})".format,
            inner,
            st.sampled_from(["contains", "startsWith", "endsWith"]),
            inner,
        ),
        st.builds("[{}, {}]".format, inner, inner),
    )


_EXPRESSIONS = st.recursive(_ATOMS, _deeper, max_leaves=8)


_THEIRS = cel.NewEnv(variables={"data": cel.Type.DYN, "item": cel.Type.DYN})


def _theirs(source: str) -> Any:
    try:
        told = _THEIRS.compile(source, disable_check=True).eval(data={"data": DATA})
    except Exception:  # noqa: BLE001 (the library raises whatever fits)
        return ("none",)
    return ("none",) if told.type() == cel.Type.ERROR else ("value", told.plain_value())


def _ours(source: str) -> Any:
    try:
        return ("value", expression(source).value({"data": DATA}, Budget(1_000_000)))
    except (Malformed, NoValue):
        return ("none",)


@given(_EXPRESSIONS)
def test_expressions_have_the_values_that_another_implementation_gives(source: str) -> None:
    ours, theirs = _ours(source), _theirs(source)
    if theirs == ("none",) and ("2.5" in source or "data.x" in source):
        return  # we let whole numbers and fractions meet, since JSON writes 100 where it means 100.0
    assert json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)
