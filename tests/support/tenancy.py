"""Whether a statement names the tenant of each row that it reads or writes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pglast import parse_sql
from pglast.ast import (
    A_Expr,
    BoolExpr,
    ColumnRef,
    DeleteStmt,
    InsertStmt,
    JoinExpr,
    MergeStmt,
    Node,
    RangeFunction,
    RangeSubselect,
    RangeVar,
    RowExpr,
    SelectStmt,
    String,
    SubLink,
    UpdateStmt,
)
from pglast.enums import A_Expr_Kind, BoolExprType, SubLinkType

TENANT = "tenant_id"
# Any: the parser's trees have no types to follow.
Query: TypeAlias = Any
_QUERIES = (SelectStmt, UpdateStmt, DeleteStmt, InsertStmt, MergeStmt)
_OUTSIDE = ""  # what a parameter, a variable, or another query says


@dataclass
class _Level:
    """One query of a statement: what it reads from, by alias, and which of them have one tenant."""

    tables: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    same: list[set[str]] = field(default_factory=list)

    def join(self, *aliases: str) -> None:
        met = [one for one in self.same if one & set(aliases)]
        self.same = [one for one in self.same if one not in met]
        self.same.append(set(aliases).union(*met))

    def unbound(self) -> Iterator[str]:
        bound = {_OUTSIDE, *self.others}
        for one in self.same:
            if one & bound:
                bound |= one
        yield from (table for alias, table in self.tables.items() if alias not in bound)


def unbound(text: str, tables: set[str]) -> list[str]:
    """Name the tables that some part of a statement touches without saying whose rows it means."""
    found: list[str] = []
    for raw in parse_sql(text):
        for query in _queries(raw.stmt):
            found += _level(query, tables).unbound()
            found += _conflicts(query, tables)
    return found


def _queries(node: object) -> Iterator[Query]:
    if isinstance(node, _QUERIES):
        yield node
    for child in _children(node):
        yield from _queries(child)


def _children(node: object) -> Iterator[object]:
    if isinstance(node, tuple):
        yield from node
    elif isinstance(node, Node):
        yield from (getattr(node, name) for name in node)


def _level(query: Query, tables: set[str]) -> _Level:
    level, conditions = _Level(), [getattr(query, "whereClause", None)]
    sources = [
        getattr(query, name, None) for name in ("fromClause", "usingClause", "sourceRelation")
    ]
    if isinstance(query, UpdateStmt | DeleteStmt | MergeStmt):
        sources.append(query.relation)
    if isinstance(query, MergeStmt):
        conditions.append(query.joinCondition)
    for source in sources:
        for one in source if isinstance(source, tuple) else (source,):
            _read(one, level, tables, conditions)
    for condition in conditions:
        for left, right in _equal(condition):
            _bind(left, right, level)
    return level


def _read(source: object, level: _Level, tables: set[str], conditions: list[object]) -> None:
    match source:
        case RangeVar():
            alias = source.alias.aliasname if source.alias else source.relname
            if source.relname in tables:
                level.tables[alias] = source.relname
            else:
                level.others.add(alias)
        case RangeSubselect() | RangeFunction():
            level.others.add(source.alias.aliasname if source.alias else "?")
        case JoinExpr():
            before = {*level.tables, *level.others}
            _read(source.larg, level, tables, conditions)
            left = {*level.tables, *level.others} - before
            _read(source.rarg, level, tables, conditions)
            right = {*level.tables, *level.others} - before - left
            conditions.append(source.quals)
            if any(one.sval == TENANT for one in source.usingClause or ()):
                level.join(*left, *right)
        case _:
            pass


def _equal(condition: object) -> Iterator[tuple[object, object]]:
    """Give what must be equal for a row to count: the parts of an `and`, rows member by member."""
    match condition:
        case BoolExpr(boolop=BoolExprType.AND_EXPR):
            for part in condition.args:
                yield from _equal(part)
        case A_Expr(kind=A_Expr_Kind.AEXPR_OP) if condition.name[-1].sval == "=":
            yield from _paired(condition.lexpr, condition.rexpr)
        case A_Expr(kind=A_Expr_Kind.AEXPR_OP_ANY | A_Expr_Kind.AEXPR_IN):
            if condition.name[-1].sval == "=":
                yield condition.lexpr, None
        case SubLink(subLinkType=SubLinkType.ANY_SUBLINK):
            for one in _members(condition.testexpr):
                yield one, None
        case _:
            pass


def _paired(left: object, right: object) -> Iterator[tuple[object, object]]:
    if isinstance(left, RowExpr) and isinstance(right, RowExpr):
        yield from zip(left.args, right.args, strict=True)
        return
    for one in _members(left):
        yield one, None if isinstance(left, RowExpr) else right


def _members(node: object) -> tuple[object, ...]:
    return node.args if isinstance(node, RowExpr) else (node,)


def _bind(left: object, right: object, level: _Level) -> None:
    mine, other = _whose(left, level), _whose(right, level)
    if mine and other:
        level.join(*mine, *other)
    elif mine or other:
        level.join(_OUTSIDE, *mine, *other)


def _whose(node: object, level: _Level) -> set[str]:
    """Say whose tenant a column is; a variable's, a parameter's and an outer query's are nobody's here."""
    if not isinstance(node, ColumnRef) or not isinstance(node.fields[-1], String):
        return set()
    *alias, column = (part.sval for part in node.fields if isinstance(part, String))
    if column != TENANT:
        return set()
    if alias:
        return {alias[-1]} & {*level.tables, *level.others}
    return set(level.tables)


def _conflicts(query: Query, tables: set[str]) -> Iterator[str]:
    """An insert that meets a row must not change another tenant's."""
    if isinstance(query, InsertStmt) and query.relation.relname in tables:
        clause = query.onConflictClause
        columns = clause.infer.indexElems if clause and clause.infer else None
        if columns and TENANT not in {one.name for one in columns}:
            yield query.relation.relname
