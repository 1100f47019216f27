"""What a PromQL expression asks for, by a parser that needs no Prometheus."""

import promql_parser
from promql_parser import Expr, VectorSelector


def selectors(expr: str) -> list[VectorSelector]:
    """Return every vector selector of the expression. Raises ValueError for one that is no PromQL."""
    found: list[VectorSelector] = []

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found


def matched_labels(selector: VectorSelector) -> set[str]:
    """Return the labels by which it selects."""
    return {matcher.name for matcher in selector.matchers.matchers}
