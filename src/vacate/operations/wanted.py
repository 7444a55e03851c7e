"""Criteria as they are written, in TOML or in JSON, and what that means in the domain's words."""

import re
from functools import partial
from ipaddress import IPv6Network, ip_network
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from vacate.domain.durations import duration
from vacate.domain.errors import CriteriaError
from vacate.domain.judging.criteria import WAITING_STATES, Criteria, Networks, Selection, StateThreshold
from vacate.domain.judging.limits import Grouping, Limits
from vacate.domain.judging.patterns import Pattern
from vacate.domain.judging.stored_names import never_met
from vacate.domain.topology.addresses import Network
from vacate.operations.aside import BUDGET, aside
from vacate.operations.patterns import glob, regex

_MOST_TEXT: Final = 10_000
_MOST_ENTRIES: Final = 1_000
# Each takes bounded time, for every session of a look.
_MOST_PATTERNS: Final = 50
_MOST_PATTERNS_IN_ALL: Final = 100
_MOST_BYTES_IN_ALL: Final = 32_768
_MAPPED = IPv6Network("::ffff:0:0/96")
_WHERE = re.compile(r"(?P<what>.*?)(?: - at `(?P<place>(?:key in )?\$[^`]*)`)?", re.DOTALL)
_OLD_KEY = "unknown field `min_idle`"

Text = Annotated[str, Meta(max_length=_MOST_TEXT)]
FingerprintText = Annotated[str, Meta(pattern="^[0-9a-f]{16}\\Z")]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Percent = Annotated[int, Meta(ge=0, le=100)]


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of criteria. A key it does not know is a mistake, not a comment."""


class PatternShape(Written, frozen=True):
    """A name that is not written out: `{glob = "app_*"}` or `{regex = "^app_[0-9]+$"}`, one of them."""

    glob: Annotated[
        Text | None,
        Meta(description="A whole text with gaps: `*` is any run of characters, `?` is one, a backslash takes either."),
    ] = None
    regex: Annotated[Text | None, Meta(description="An expression of RE2 that is looked for anywhere in the text.")] = (
        None
    )


Entry = Text | PatternShape
Entries = Annotated[tuple[Entry, ...], Meta(max_length=_MOST_ENTRIES)]
Fingerprints = Annotated[tuple[FingerprintText, ...], Meta(max_length=_MOST_ENTRIES)]
NetworkTexts = Annotated[tuple[Text, ...], Meta(max_length=_MOST_ENTRIES)]
_INCLUDED = Meta(description="Nobody else is meant. Left out, everybody is; an empty list means nobody.")
_EXCLUDED = Meta(description="Never meant, also where they are included.")


class SelectionShape(Written, frozen=True):
    """`include` and `exclude` of one kind of name. No `include` leaves the choice open; an empty one selects nobody."""

    include: Annotated[Entries | None, _INCLUDED] = None
    exclude: Annotated[Entries, _EXCLUDED] = ()


class FingerprintsShape(Written, frozen=True):
    """The same for fingerprints of statements."""

    include: Annotated[Fingerprints | None, _INCLUDED] = None
    exclude: Annotated[Fingerprints, _EXCLUDED] = ()


class NetworksShape(Written, frozen=True):
    """The same for the addresses of clients, each an address or a network in CIDR."""

    include: Annotated[NetworkTexts | None, _INCLUDED] = None
    exclude: Annotated[NetworkTexts, _EXCLUDED] = ()


class CriteriaShape(Written, frozen=True):
    """Which sessions are given up: all must hold. See `docs/reference/criteria.md`."""

    states: Annotated[
        dict[str, str],
        Meta(
            description=(
                "The states that are meant, each with the time that a session must have been in it: `idle`, "
                "`idle in transaction`, `idle in transaction (aborted)`."
            ),
            examples=[{"idle": "15min"}],
        ),
    ] = msgspec.field(default_factory=lambda: {"idle": "0s"})
    users: Annotated[SelectionShape, Meta(description="Whose sessions.")] = SelectionShape()
    databases: Annotated[SelectionShape, Meta(description="In which databases.")] = SelectionShape()
    applications: Annotated[SelectionShape, Meta(description="Of which applications.")] = SelectionShape()
    clients: Annotated[NetworksShape, Meta(description="From which addresses or networks.")] = NetworksShape()
    statements: Annotated[SelectionShape, Meta(description="By the text of the last statement.")] = SelectionShape()
    fingerprints: Annotated[FingerprintsShape, Meta(description="By the fingerprint of the last statement.")] = (
        FingerprintsShape()
    )
    group_by: Annotated[
        Grouping | tuple[Grouping, ...],
        Meta(
            description="What the limits count by, or a list of it; left out, the component is one group.",
            examples=["user", ["user", "client"]],
        ),
    ] = ()
    keep_youngest: Annotated[Count, Meta(description="So many stay in each group, those idle for the shortest.")] = 0
    at_most: Annotated[Count | None, Meta(description="No more of a group are ended at once.")] = None
    at_most_percent: Annotated[
        Percent | None, Meta(description="No more of a group's client sessions are ended at once, rounded down.")
    ] = None
    survivors: Annotated[Count, Meta(description="So many client sessions of each group stay, busy ones counted.")] = 0


def decode_criteria(text: str | bytes, place: str) -> Criteria:
    """Criteria from their JSON.

    Raises:
        CriteriaError: they are no JSON, or cannot be used; the message names where, beginning with `place`.
    """
    try:
        shape = msgspec.json.decode(text, type=CriteriaShape)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise CriteriaError(placed(str(error), place)) from error
    return read_criteria(shape, place)


async def decode_criteria_aside(text: str | bytes, place: str) -> Criteria:
    """The same without keeping anybody else waiting; patterns may take long to prepare.

    Raises:
        CriteriaError: as with `decode_criteria`, or they take too long.
    """
    return await aside(lambda: decode_criteria(text, place), budget=BUDGET)


def read_criteria(shape: CriteriaShape, place: str) -> Criteria:
    """What is written, in the domain's words.

    Raises:
        CriteriaError: it cannot be used; the message names where, beginning with `place`.
    """
    _refuse_too_many(shape, place)
    return Criteria(
        states=_states(shape.states, f"{place}.states"),
        users=_selection(shape.users, f"{place}.users", "user"),
        databases=_selection(shape.databases, f"{place}.databases", "database"),
        applications=_selection(shape.applications, f"{place}.applications", "application"),
        clients=_networks(shape.clients, f"{place}.clients"),
        statements=_selection(shape.statements, f"{place}.statements"),
        fingerprints=Selection(include=shape.fingerprints.include, exclude=shape.fingerprints.exclude),
        limits=Limits(
            group_by=_groupings(shape.group_by),
            keep_youngest=shape.keep_youngest,
            at_most=shape.at_most,
            at_most_percent=shape.at_most_percent,
            survivors=shape.survivors,
        ),
    )


def _groupings(written: Grouping | tuple[Grouping, ...]) -> tuple[Grouping, ...]:
    named = (written,) if isinstance(written, Grouping) else written
    return tuple(dict.fromkeys(named))


def _refuse_too_many(shape: CriteriaShape, place: str) -> None:
    """Bound what all lists together take to compare.

    Raises:
        CriteriaError: there are too many patterns in them, or too long ones.
    """
    selections = (shape.users, shape.databases, shape.applications, shape.statements)
    entries = [entry for each in selections for entry in (*(each.include or ()), *each.exclude)]
    patterns = [entry.glob or entry.regex or "" for entry in entries if not isinstance(entry, str)]
    if len(patterns) > _MOST_PATTERNS_IN_ALL:
        raise CriteriaError(
            f"{place}: there are {len(patterns)} globs and expressions; at most {_MOST_PATTERNS_IN_ALL} can be in all "
            "lists together; join expressions with |"
        )
    size = sum(len(pattern.encode("utf-8", "surrogatepass")) for pattern in patterns)
    if size > _MOST_BYTES_IN_ALL:
        raise CriteriaError(
            f"{place}: globs and expressions have {size} bytes; at most {_MOST_BYTES_IN_ALL} can be in all lists "
            "together"
        )


def placed(error: str, place: str) -> str:
    """The words of a decoder that did not know a key or a type, beginning with the place as people write it."""
    found = _WHERE.fullmatch(error)
    what, where = (found["what"], found["place"] or "$") if found else (error, "$")
    inside = where.removeprefix("key in ").removeprefix("$")
    return f"{place}{inside}: {advised(what)}"


def advised(error: str) -> str:
    """The words of a decoder, with what to write instead of a key that there once was."""
    if _OLD_KEY not in error:
        return error
    return f'{error}; thresholds stand with their states now: write states = {{ idle = "15min" }} instead'


def _states(written: dict[str, str], place: str) -> tuple[StateThreshold, ...]:
    if not written:
        raise CriteriaError(f"{place}: no state is named, so nobody would ever be meant; name {_one_of_the_states()}")
    for state in written:
        if state not in WAITING_STATES:
            raise CriteriaError(
                f"{place}: sessions whose state is {state!r} are never chosen, for they may be at work; "
                f"only sessions that wait for their client are: name {_one_of_the_states()}"
            )
    return tuple(
        StateThreshold(state=state, at_least=duration(written[state], f"{place}.{_key(state)}", CriteriaError))
        for state in WAITING_STATES
        if state in written
    )


def _one_of_the_states() -> str:
    return " or ".join(f'"{state}"' for state in WAITING_STATES)


def _key(state: str) -> str:
    return state if state.isalpha() else f'"{state}"'


def _selection(written: SelectionShape, place: str, what: str | None = None) -> Selection:
    """Names of users, databases or applications, or the texts of statements where `what` is none of them."""
    read = _patterns if what is None else partial(read_names, what=what)
    include = written.include
    return Selection(
        include=None if include is None else read(include, f"{place}.include"),
        exclude=read(written.exclude, f"{place}.exclude"),
    )


def read_names(entries: Entries, place: str, what: str) -> tuple[Pattern, ...]:
    """Names of users, databases or applications as they are written, in the domain's words.

    Raises:
        CriteriaError: one of them cannot be used, or no session can ever have it; the message names where.
    """
    names = _patterns(entries, place)
    for number, name in enumerate(names):
        if why := never_met(name, what):
            raise CriteriaError(f"{place}[{number}]: {why}")
    return names


def _patterns(entries: Entries, place: str) -> tuple[Pattern, ...]:
    if sum(not isinstance(entry, str) for entry in entries) > _MOST_PATTERNS:
        raise CriteriaError(
            f"{place}: at most {_MOST_PATTERNS} globs and expressions can be in one list; join expressions with |"
        )
    return tuple(_pattern(entry, f"{place}[{number}]") for number, entry in enumerate(entries))


def _pattern(entry: Entry, place: str) -> Pattern:
    if isinstance(entry, str):
        return entry
    if entry.glob is not None and entry.regex is None:
        return glob(entry.glob, f"{place}.glob")
    if entry.regex is not None and entry.glob is None:
        return regex(entry.regex, f"{place}.regex")
    raise CriteriaError(f"{place}: write either glob or regex, and one of them")


def _networks(written: NetworksShape, place: str) -> Networks:
    include = written.include
    return Networks(
        include=None if include is None else read_networks(include, f"{place}.include"),
        exclude=read_networks(written.exclude, f"{place}.exclude"),
    )


def read_networks(texts: NetworkTexts, place: str) -> tuple[Network, ...]:
    """Addresses and networks as they are written.

    Raises:
        CriteriaError: one of them is neither; the message names where.
    """
    return tuple(_network(text, f"{place}[{number}]") for number, text in enumerate(texts))


def _network(text: str, place: str) -> Network:
    """A network; one of IPv4 addresses that are written as IPv6 ones is one of IPv4 addresses."""
    try:
        found = ip_network(text)
    except ValueError as error:
        raise CriteriaError(f"{place}: {text!r} is no network such as 10.0.0.0/8 or 2001:db8::/32: {error}") from None
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        bits = found.prefixlen - _MAPPED.prefixlen
        mapped = found.network_address.ipv4_mapped
        return ip_network(f"{mapped}/{bits}")
    return found
