"""Query strings, read once for all doors. How strict a door is with them is its own business."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl

QueryValues = dict[str, str | list[str]]


class QueryUnreadableError(ValueError):
    """The query string breaks the door's rules; the message names the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRules:
    """What a door takes for a query.

    `most_pairs` is how many parameters may come. Those in `lists` are lists, each one value with commas, or one key
    again and again. Of another key that comes twice the last value counts where `last_counts`; else it is a mistake.
    Bytes that are no UTF-8 are a mistake where `strict_text`; else each becomes a mark in the text.
    """

    most_pairs: int
    lists: frozenset[str] = frozenset()
    last_counts: bool = False
    strict_text: bool = True


def query_values(query: bytes, rules: QueryRules, known: Collection[str] | None = None) -> QueryValues:
    """The parameters of a query by their names; only the `known` ones where these are given, else all of them.

    Raises:
        QueryUnreadableError: the query breaks the rules.
    """
    errors = "strict" if rules.strict_text else "replace"
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors=errors, max_num_fields=rules.most_pairs)
    except ValueError as error:
        raise QueryUnreadableError(f"the query cannot be read: {error}") from error
    values: QueryValues = {}
    for name, value in pairs:
        if known is not None and name not in known:
            continue
        if name in rules.lists:
            earlier = values.get(name, [])
            values[name] = [*earlier, *filter(None, value.split(","))]
        elif name in values and not rules.last_counts:
            raise QueryUnreadableError(f"`{name}` is more than once in the query; send it once")
        else:
            values[name] = value
    return values
