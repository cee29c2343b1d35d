"""Strange inputs: texts and JSON near to what is right, and far from it."""

import json
from typing import Any

from hypothesis import strategies as st

_PIECES = st.sampled_from(
    "' \" \\ / // . .. : ; , @ # % %2e %00 & ? = + - * ( ) [ ] { } ${ $${ <  > | ~ ^ ` \0 \t \n \r"
    " \x1b \x85 \u202e \u2028 \ufeff é 中 😀 0 1 -1 1e999 9223372036854775808 true null NaN data id"
    " event all exists map http https http:// localhost 127.0.0.1 169.254.169.254 [::1] :80".split(
        " "
    )
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=25).map("".join),
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXTS,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)


@st.composite
def _spoilt(draw: st.DrawFn) -> bytes:
    """JSON of which a piece is cut, doubled or replaced."""
    body = json.dumps(draw(VALUES), ensure_ascii=draw(st.booleans())).encode(
        "utf-8", "surrogatepass"
    )
    at = draw(st.integers(0, len(body)))
    end = min(len(body), at + draw(st.integers(0, 8)))
    instead = draw(st.one_of(st.binary(max_size=8), st.just(body[at:end] * 3)))
    return body[:at] + instead + body[end:]


BODIES = st.one_of(
    _spoilt(),
    st.binary(max_size=60),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"[", b'{"a":', b'"\\ud800"', b"[[", b'{"":{"":']).map(
        lambda piece: piece * 3_000
    ),
)
