"""Parses an expression, by one function for each level of its grammar."""

from collections.abc import Callable, Sequence
from typing import Final

from agent_workers.expressions import nodes
from agent_workers.expressions.errors import Malformed
from agent_workers.expressions.functions import FUNCTIONS
from agent_workers.expressions.lexing import Token, tokens
from agent_workers.expressions.loops import LOOPS, Loop
from agent_workers.expressions.nodes import Node
from agent_workers.expressions.operators import COMPARISONS, TYPE_NAMES
from agent_workers.expressions.patterns import matches

# So deep may brackets and what binds like them stand within one another.
_DEEPEST: Final = 32
# What reading a character takes, and making a part of a token.
_STEPS_PER_CHARACTER: Final = 2
_STEPS_PER_TOKEN: Final = 16
_LITERALS: Final[dict[str, object]] = {"true": True, "false": False, "null": None}
_RELATIONS: Final = COMPARISONS | {"==", "!=", "in"}


class Parser:
    """Reads one expression: `names` it takes from outside, `cost` is what parsing it takes."""

    def __init__(self, source: str) -> None:
        self._tokens = list(tokens(source))
        self.cost = len(source) * _STEPS_PER_CHARACTER + len(self._tokens) * _STEPS_PER_TOKEN
        self._at = 0
        self._depth = 0
        self._bound: list[str] = []
        self.names: set[str] = set()

    def whole(self) -> Node:
        """Parse all of it, or raise Malformed."""
        node = self._expression()
        if self._next.kind != "end":
            raise self._unexpected()
        return node

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Malformed(f"it is nested deeper than {_DEEPEST} levels")
        test = self._either()
        if self._took("?"):
            then = self._either()
            self._expect(":")
            test = nodes.Choice(test, then, self._expression())
        self._depth -= 1
        return test

    def _either(self) -> Node:
        left = self._both()
        while self._took("||"):
            left = nodes.Decided(left, self._both(), by=True)
        return left

    def _both(self) -> Node:
        left = self._relation()
        while self._took("&&"):
            left = nodes.Decided(left, self._relation(), by=False)
        return left

    def _relation(self) -> Node:
        return self._chain(_RELATIONS, self._sum)

    def _sum(self) -> Node:
        return self._chain({"+", "-"}, self._product)

    def _product(self) -> Node:
        return self._chain({"*", "/", "%"}, self._unary)

    def _chain(self, signs: set[str] | frozenset[str], operand: Callable[[], Node]) -> Node:
        left = operand()
        while self._next.kind in ("sign", "name") and self._next.value in signs:
            left = nodes.Binary(self._take().value, left, operand())
        return left

    def _unary(self) -> Node:
        signs = []
        while self._next.kind == "sign" and self._next.value in ("!", "-"):
            signs.append(self._take().value)
            if len(signs) > _DEEPEST:
                raise self._unexpected()
        if signs and signs[-1] == "-" and self._next.kind == "number":
            signs.pop()
            node = self._members(nodes.Literal(_number(self._take(), negative=True)))
        else:
            node = self._members(self._primary())
        for sign in reversed(signs):
            node = nodes.Not(node) if sign == "!" else nodes.Negative(node)
        return node

    def _members(self, node: Node) -> Node:
        while True:
            if self._took("["):
                node = nodes.Item(node, self._expression())
                self._expect("]")
            elif self._took("."):
                name = self._name()
                node = (
                    self._method(node, name) if self._took("(") else nodes.Member(node, name.value)
                )
            else:
                return node

    def _method(self, of: Node, name: Token) -> Node:
        if name.value in LOOPS:
            return self._loop(of, name)
        return self._call(name, [of, *self._until(")")])

    def _loop(self, over: Node, kind: Token) -> Node:
        name = self._name().value
        if name in _LITERALS:
            raise Malformed(f"{name!r} cannot name the items of {kind.value}")
        self._bound.append(name)
        self._expect(",")
        of = self._until(")")
        self._bound.pop()
        if len(of) not in LOOPS[kind.value]:
            raise Malformed(f"{kind.value} takes a name and a condition (character {kind.at + 1})")
        return Loop(kind.value, over, name, of)

    def _primary(self) -> Node:
        token = self._take()
        match token.kind, token.value:
            case "number", _:
                return nodes.Literal(_number(token, negative=False))
            case "text", text:
                return nodes.Literal(text)
            case "name", name:
                return self._named(token, name)
            case "sign", "(":
                node = self._expression()
                self._expect(")")
                return node
            case "sign", "[":
                return nodes.ListOf(self._until("]"))
            case "sign", "{":
                return nodes.MapOf(self._pairs())
            case _:
                raise self._unexpected(token)

    def _named(self, token: Token, name: str) -> Node:
        if name in _LITERALS:
            return nodes.Literal(_LITERALS[name])
        if not self._took("("):
            if name in TYPE_NAMES and name not in self._bound:
                return nodes.Literal(name)
            if name not in self._bound:
                self.names.add(name)
            return nodes.Name(name)
        given = self._until(")")
        if name != "has":
            return self._call(token, given)
        if len(given) != 1 or not isinstance(given[0], nodes.Member):
            raise Malformed(f"has takes a member: has(a.b) (character {token.at + 1})")
        return nodes.Has(given[0].of, given[0].name)

    def _call(self, name: Token, given: Sequence[Node]) -> Node:
        if name.value == "matches":
            return self._matches(name, given)
        function = FUNCTIONS.get(name.value)
        if function is None:
            raise Malformed(f"there is no function {name.value!r} (character {name.at + 1})")
        if len(given) != function.takes:
            values = "1 value" if function.takes == 1 else f"{function.takes} values"
            raise Malformed(f"{name.value} takes {values}, not {len(given)}")
        return nodes.Call(function, given)

    def _matches(self, name: Token, given: Sequence[Node]) -> Node:
        match given:
            case [text, nodes.Literal(literal=str(pattern))]:
                node = matches(text, pattern)
                self.cost += node.parsing_cost
                return node
            case _:
                where = f"(character {name.at + 1})"
                raise Malformed(f"matches takes a pattern in quotes {where}")

    def _until(self, end: str) -> Sequence[Node]:
        given: list[Node] = []
        while not self._took(end):
            if given:
                self._expect(",")
                if self._took(end):
                    break
            given.append(self._expression())
        return given

    def _pairs(self) -> Sequence[tuple[Node, Node]]:
        pairs: list[tuple[Node, Node]] = []
        while not self._took("}"):
            if pairs:
                self._expect(",")
                if self._took("}"):
                    break
            key = self._expression()
            self._expect(":")
            pairs.append((key, self._expression()))
        return pairs

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _took(self, sign: str) -> bool:
        found = self._next.kind == "sign" and self._next.value == sign
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._took(sign):
            raise self._unexpected(wanted=f", where {sign!r} should be")

    def _name(self) -> Token:
        if self._next.kind != "name":
            raise self._unexpected(wanted=", where a name should be")
        return self._take()

    def _unexpected(self, token: Token | None = None, wanted: str = "") -> Malformed:
        token = token or self._next
        what = "the expression ends" if token.kind == "end" else f"there is {token.value[:40]!r}"
        return Malformed(f"{what}{wanted} (character {token.at + 1})")


def _number(token: Token, *, negative: bool) -> int | float:
    text = f"-{token.value}" if negative else token.value
    if "x" in text.lower():
        value = int(text, 16)
    elif set(text) & set(".eE"):
        return float(text)
    else:
        value = int(text)
    if not -(2**63) <= value < 2**63:
        raise Malformed(f"{text} has more than 64 bits")
    return value
