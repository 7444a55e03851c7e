"""Whether a query can find anything: its metrics exist, with these labels, and what it joins can be joined.

Prometheus answers a query that names nothing with nothing, and an alert over nothing never fires. So a query is read
here as Prometheus would read it, and its labels are followed from the metrics to the result.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import promql_parser as promql

Labels: TypeAlias = frozenset[str] | None
"""The labels of a result; `None` for a plain number."""

# They choose samples and leave them as they are.
_CHOOSING = frozenset({"topk", "bottomk", "limitk"})
_BY_SETS = frozenset({"and", "or", "unless"})
_COMPARING = frozenset({"==", "!=", ">", ">=", "<", "<="})
_NUMBERS = frozenset({"time", "pi", "scalar"})
_RELABELLING = frozenset({"label_replace", "label_join", "count_values", "info"})
_VARIABLE = re.compile(r"\$\{?\w+")


class PointlessQueryError(Exception):
    """A query that finds nothing, whatever happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """What there is to ask for.

    `metrics` are the labels of every sample by its name. `values` are those that a label can have, for labels whose
    values are known.
    """

    metrics: Mapping[str, frozenset[str]]
    values: Mapping[str, frozenset[str]]

    def check(self, query: str) -> Labels:
        """The labels of the query's result.

        Raises:
            PointlessQueryError: it cannot be read, or cannot find anything.
        """
        return self.follow(parsed(query))

    def follow(self, expr: promql.Expr) -> Labels:
        """The labels of an expression's result; see `check`."""
        match expr:
            case promql.VectorSelector():
                return self._selected(expr)
            case promql.MatrixSelector():
                return self._selected(expr.vector_selector)
            case promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr():
                return self.follow(expr.expr)
            case promql.NumberLiteral() | promql.StringLiteral():
                return None
            case promql.Call():
                return self._called(expr)
            case promql.AggregateExpr():
                return self._aggregated(expr)
            case promql.BinaryExpr():
                return self._joined(expr)
            case _:
                raise PointlessQueryError(f"nobody here can read {expr.prettify()}")

    def _selected(self, selector: promql.VectorSelector) -> frozenset[str]:
        labels = self.metrics.get(selector.name or "")
        if labels is None:
            raise PointlessQueryError(f"there is no metric {selector.name!r}")
        for matcher in selector.matchers.matchers:
            if matcher.name not in labels:
                raise PointlessQueryError(f"{selector.name} has no label {matcher.name!r}")
            self._matched(matcher)
        return labels

    def _matched(self, matcher: promql.Matcher) -> None:
        values = self.values.get(matcher.name)
        if values is None or _VARIABLE.fullmatch(matcher.value):
            return
        exactly = matcher.op not in (promql.MatchOp.Re, promql.MatchOp.NotRe)
        for wanted in [matcher.value] if exactly else matcher.value.split("|"):
            pattern = re.escape(wanted) if exactly else wanted
            if not any(re.fullmatch(pattern, value) for value in values):
                raise PointlessQueryError(f"no {matcher.name} is {wanted!r}")

    def _called(self, call: promql.Call) -> Labels:
        name = call.func.name
        if name in _RELABELLING:
            raise PointlessQueryError(f"nobody here can follow labels through {name}")
        vectors = [labels for labels in map(self.follow, call.args) if labels is not None]
        if name in _NUMBERS:
            return None
        if name == "absent":
            return frozenset()
        labels = vectors[-1] if vectors else frozenset[str]()
        if name == "histogram_quantile":
            _require(frozenset({"le"}), labels, call)
            return labels - {"le"}
        return labels

    def _aggregated(self, aggregate: promql.AggregateExpr) -> frozenset[str]:
        inner = self.follow(aggregate.expr)
        if inner is None:
            raise PointlessQueryError(f"a plain number has nothing to aggregate: {aggregate.prettify()}")
        if str(aggregate.op) in _RELABELLING:
            raise PointlessQueryError(f"nobody here can follow labels through {aggregate.op}")
        modifier = aggregate.modifier
        named = frozenset(modifier.labels) if modifier else frozenset[str]()
        _require(named, inner, aggregate)
        if str(aggregate.op) in _CHOOSING:
            return inner
        return inner - named if modifier and modifier.type == promql.AggModifierType.Without else named

    def _joined(self, binary: promql.BinaryExpr) -> Labels:
        left, right = self.follow(binary.lhs), self.follow(binary.rhs)
        if left is None or right is None:
            return right if left is None else left
        on = _matched_on(binary, left, right)
        operator = str(binary.op)
        if operator == "or":
            return left | right
        if operator in _BY_SETS or (operator in _COMPARING and not (binary.modifier and binary.modifier.return_bool)):
            return left
        card = binary.modifier.card if binary.modifier else promql.VectorMatchCardinality.OneToOne
        if card == promql.VectorMatchCardinality.OneToOne:
            return on
        many, one = (left, right) if card == promql.VectorMatchCardinality.ManyToOne else (right, left)
        brought = frozenset((binary.modifier and binary.modifier.group_labels) or ())
        _require(brought, one, binary)
        return many | brought


def parsed(query: str) -> promql.Expr:
    """The query as a tree.

    Raises:
        PointlessQueryError: it is none.
    """
    try:
        return promql.parse(query)
    except ValueError as error:
        raise PointlessQueryError(f"{error}: {query}") from error


def parts(expr: promql.Expr) -> Iterator[promql.Expr]:
    """The expression and everything in it."""
    found: list[promql.Expr] = []

    def keep(part: promql.Expr) -> bool:
        found.append(part)
        return True

    promql.walk(expr, pre_visit=keep)
    yield from found


def _matched_on(binary: promql.BinaryExpr, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    """The labels by which samples of both sides find each other."""
    matching = binary.modifier.matching if binary.modifier else None
    if matching is None:
        ours, theirs = left, right
    elif matching.type == promql.LabelModifierType.Include:
        ours = theirs = frozenset(matching.labels)
        _require(ours, left, binary)
        _require(theirs, right, binary)
    else:
        ignored = frozenset(matching.labels)
        _require(ignored, left | right, binary)
        ours, theirs = left - ignored, right - ignored
    if ours != theirs:
        raise PointlessQueryError(f"{sorted(ours)} and {sorted(theirs)} never match: {binary.prettify()}")
    return ours


def _require(wanted: frozenset[str], there: frozenset[str], where: promql.Expr) -> None:
    if wanted - there:
        raise PointlessQueryError(f"no label {sorted(wanted - there)} in {where.prettify()}")
