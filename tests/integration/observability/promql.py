"""What a PromQL expression asks for: series, with the labels that it matches or groups by."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import promql_parser as promql


class Asked(NamedTuple):
    """One series and the labels that are asked of it."""

    series: str
    labels: frozenset[str]


def asked_by(expression: str) -> list[Asked]:
    """List what an expression asks for; raises ValueError for one that is none."""
    plain = expression.replace("$__rate_interval", "5m")
    return list(_asked(promql.parse(plain), frozenset()))


def _asked(node: Any, grouped: frozenset[str]) -> Iterator[Asked]:
    match node:
        case promql.VectorSelector():
            matched = {one.name for one in node.matchers.matchers}
            yield Asked(node.name, grouped | matched)
        case promql.MatrixSelector():
            yield from _asked(node.vector_selector, grouped)
        case promql.AggregateExpr():
            own = frozenset(node.modifier.labels) if node.modifier else frozenset()
            yield from _asked(node.expr, grouped | own)
        case promql.Call():
            for argument in node.args:
                yield from _asked(argument, grouped)
        case promql.BinaryExpr():
            yield from _asked(node.lhs, grouped)
            yield from _asked(node.rhs, grouped)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from _asked(node.expr, grouped)
        case promql.NumberLiteral() | promql.StringLiteral():
            return
        case _:
            raise TypeError(type(node).__name__)
