"""What holds of `judge` whatever a look brings: who may be a victim, and what can never make one more."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from ipaddress import ip_address

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from tests.support.sessions import (
    ADDRESSES,
    COORDINATOR,
    NODE_NAMES,
    PLACES,
    PLATFORM_USERS,
    TOOL_NAMES,
    addresses,
    almost_killable_sessions,
    any_sessions,
    criteria,
    examples,
    guard_settings,
    killable_sessions,
    looks,
    names,
    networks,
    patterns,
    selections,
    sessions,
    spans,
    surroundings,
)
from vacate.domain.judging.criteria import WAITING_STATES, Criteria, Networks, Selection
from vacate.domain.judging.judge import judge
from vacate.domain.judging.patterns import Glob, Pattern, Regex
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.sessions.fingerprints import fingerprint
from vacate.domain.sessions.session import Demand, Session
from vacate.domain.topology.addresses import Network
from vacate.domain.topology.components import ComponentKind
from vacate.domain.topology.servers import Engine

guard_names = st.sampled_from(GuardName)
kinds_of_names = st.sampled_from(["users", "databases", "applications", "statements"])

DEMANDS = {
    "idle": Demand.SAME_IDLE_PERIOD,
    "idle in transaction": Demand.SAME_IDLE_TRANSACTION,
    "idle in transaction (aborted)": Demand.SAME_IDLE_TRANSACTION,
}
JOBS = "SELECT jobid FROM pgagent.pga_job"
LISTENING = {"LISTEN jobs", "BEGIN; listen jobs; COMMIT"}


def victims(
    look: Sequence[Session],
    chosen: Criteria,
    settings: GuardSettings | None = None,
    where: Surroundings = COORDINATOR,
) -> set[Session]:
    """The sessions that were made victims, each checked to be the session it came from."""
    found: set[Session] = set()
    for verdict in judge(look, chosen, settings or GuardSettings(), where):
        if victim := verdict.victim:
            session = verdict.session
            assert (victim.key, victim.pid) == (session.key, session.pid)
            assert victim.demand is DEMANDS[str(session.state)]
            assert (victim.since, victim.in_state_for) == (session.state_change, session.in_state_for)
            found.add(session)
    return found


# --- whom a sweep may be about ---------------------------------------------------------------------------------------


def fits(pattern: Pattern, name: str) -> bool:
    match pattern:
        case Glob(text=text):
            return fnmatchcase(name, text)
        case Regex(text=text):
            return re.search(text, name) is not None
        case _:
            return pattern == name


def selected(name: str | None, selection: Selection) -> bool:
    """Selection as its users read it, written down a second time."""
    named = selection.include is not None or bool(selection.exclude)
    if name is None:
        return not named
    if any(fits(pattern, name) for pattern in selection.exclude):
        return False
    return selection.include is None or any(fits(pattern, name) for pattern in selection.include)


def client_selected(text: str | None, chosen: Networks) -> bool:
    if chosen.include is None and not chosen.exclude:
        return True
    plain = ADDRESSES[text] if text is not None else None
    if plain is None:
        return False
    if any(ip_address(plain) in network for network in chosen.exclude):
        return False
    return chosen.include is None or any(ip_address(plain) in network for network in chosen.include)


def long_enough(session: Session, chosen: Criteria) -> bool:
    thresholds = {threshold.state: threshold.at_least for threshold in chosen.states}
    return (
        session.state in thresholds
        and session.in_state_for is not None
        and session.in_state_for >= thresholds[session.state]
    )


def is_candidate(session: Session, chosen: Criteria) -> bool:
    return (
        long_enough(session, chosen)
        and session.state_change is not None
        and session.backend_start is not None
        and selected(session.user, chosen.users)
        and selected(session.database, chosen.databases)
        and selected(session.application, chosen.applications)
        and client_selected(session.client_address, chosen.clients)
        and selected(session.query, chosen.statements)
        and selected(None if session.query is None else fingerprint(session.query), chosen.fingerprints)
    )


def of_gauss(where: Surroundings) -> bool:
    return where.engine in {Engine.OPENGAUSS, Engine.GAUSSDB, Engine.DWS}


def links_two_nodes(session: Session, where: Surroundings) -> bool:
    if of_gauss(where):
        return session.application in {*NODE_NAMES, *where.coordinators}
    return where.kind is ComponentKind.DATA_NODE and session.application in {"postgres_fdw", *where.coordinators}


def may_be_a_node(session: Session, where: Surroundings) -> bool:
    if not of_gauss(where) or where.kind is not ComponentKind.DATA_NODE or session.client_address is None:
        return False
    if where.peer_addresses is None:
        return True
    peers = {ADDRESSES[peer] for peer in where.peer_addresses}
    address = ADDRESSES[session.client_address]
    return address is None or None in peers or address in peers


def listed(name: str | None, protected: Iterable[Pattern]) -> bool:
    return name is not None and any(fits(pattern, name) for pattern in protected)


def within(address: str, networks: Iterable[Network]) -> bool:
    return client_selected(address, Networks(include=tuple(networks)))


PROTECTED: dict[GuardName, Callable[[Session, GuardSettings, Surroundings], bool]] = {
    GuardName.OWN_SESSION: lambda s, _, __: s.own,
    GuardName.NOT_A_CLIENT: lambda s, _, __: s.backend_type != "client backend",
    GuardName.CLUSTER_TOOL: lambda s, _, w: of_gauss(w) and s.application in TOOL_NAMES,
    GuardName.NO_CLIENT_ADDRESS: lambda s, _, __: s.client_address is None,
    GuardName.SUPERUSER: lambda s, _, __: s.superuser is True,
    GuardName.OWNER_DROPPED: lambda s, _, __: s.user_dropped or s.database_dropped,
    GuardName.PLATFORM_USER: lambda s, _, w: of_gauss(w) and s.user in PLATFORM_USERS,
    GuardName.PROTECTED_USER: lambda s, g, _: listed(s.user, g.users),
    GuardName.PROTECTED_APPLICATION: lambda s, g, _: listed(s.application, g.applications),
    GuardName.PROTECTED_DATABASE: lambda s, g, _: listed(s.database, g.databases),
    GuardName.PROTECTED_CLIENT: lambda s, g, _: (
        bool(g.clients)
        and s.client_address is not None
        and (ADDRESSES[s.client_address] is None or within(s.client_address, g.clients))
    ),
    GuardName.MAINTENANCE_TOOL: lambda s, _, __: s.application == "pg_restore",
    GuardName.CLUSTER_MANAGER: lambda s, _, __: s.application == "Patroni heartbeat",
    GuardName.JOB_AGENT: lambda s, _, __: s.query == JOBS,
    GuardName.COMPANION_USER: lambda s, _, __: s.user == "barman",
    GuardName.LISTENER: lambda s, _, __: s.query in LISTENING or (s.held.listening and s.query != "UNLISTEN *"),
    GuardName.HELD_CURSOR: lambda s, _, __: bool(s.held.cursors),
    GuardName.BASE_BACKUP: lambda s, _, __: s.held.backup,
    GuardName.ADVISORY_LOCK: lambda s, _, __: s.holds_advisory_lock is True,
    GuardName.REPLICATION_SLOT: lambda s, _, __: s.holds_replication_slot is True,
    GuardName.COORDINATOR_LINK: lambda s, _, w: links_two_nodes(s, w),
    GuardName.PEER_NODE: lambda s, _, w: may_be_a_node(s, w),
    GuardName.UNKNOWN: lambda s, _, __: (
        None in (s.application, s.query, s.holds_advisory_lock, s.holds_replication_slot)
        or (None in (s.user, s.superuser) and not s.user_dropped)
        or (s.database is None and not s.database_dropped)
    ),
}


@examples
@given(look=looks, chosen=criteria, settings=guard_settings, where=surroundings)
def test_victims_are_exactly_the_candidates_that_nothing_protects(
    look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings
) -> None:
    found = victims(look, chosen, settings, where)
    expected = {
        session
        for session in look
        if is_candidate(session, chosen)
        and not any(
            protects(session, settings, where) for name, protects in PROTECTED.items() if name not in settings.off
        )
    }
    event(f"{'some' if found else 'no'} victims")
    assert found <= {session for session in look if session.state in {named.state for named in chosen.states}}
    assert found == expected


@examples
@given(name=guard_names, look=looks, chosen=criteria, settings=guard_settings, where=surroundings)
def test_nobody_whom_a_guard_protects_is_a_victim(
    name: GuardName, look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings
) -> None:
    on = replace(settings, off=settings.off - {name})
    protected = {session for session in look if PROTECTED[name](session, on, where)}
    assert not victims(look, chosen, on, where) & protected


@examples
@given(look=st.lists(almost_killable_sessions(), max_size=8), where=surroundings)
def test_one_thing_that_protects_is_enough_and_what_protects_elsewhere_is_nothing(
    look: list[Session], where: Surroundings
) -> None:
    protected = {s for s in look if any(protects(s, GuardSettings(), where) for protects in PROTECTED.values())}
    assert victims(look, Criteria(), GuardSettings(), where) == set(look) - protected


@examples
@given(look=st.lists(killable_sessions(), max_size=8), where=st.sampled_from(PLACES))
def test_nobody_is_spared_without_cause(look: list[Session], where: Surroundings) -> None:
    assert victims(look, Criteria(), GuardSettings(), where) == set(look)


# --- what never adds a victim ----------------------------------------------------------------------------------------


@examples
@given(what=kinds_of_names, look=looks, chosen=criteria, settings=guard_settings, where=surroundings, name=patterns)
def test_an_added_exclude_never_adds_a_victim(
    what: str, look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings, name: Pattern
) -> None:
    before: Selection = getattr(chosen, what)
    narrower = replace(chosen, **{what: replace(before, exclude=(*before.exclude, name))})
    assert victims(look, narrower, settings, where) <= victims(look, chosen, settings, where)


@examples
@given(what=kinds_of_names, look=looks, chosen=criteria, selection=selections)
def test_a_selection_where_there_was_none_never_adds_a_victim(
    what: str, look: list[Session], chosen: Criteria, selection: Selection
) -> None:
    everybody = replace(chosen, **{what: Selection()})
    narrower = replace(chosen, **{what: selection})
    assert victims(look, narrower) <= victims(look, everybody)


@examples
@given(look=looks, chosen=criteria, settings=guard_settings, where=surroundings, more=spans)
def test_a_longer_threshold_never_adds_a_victim(
    look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings, more: timedelta
) -> None:
    longer = replace(chosen, states=tuple(replace(t, at_least=t.at_least + more) for t in chosen.states))
    assert victims(look, longer, settings, where) <= victims(look, chosen, settings, where)


@examples
@given(look=looks, chosen=criteria, settings=guard_settings, where=surroundings, state=st.sampled_from(WAITING_STATES))
def test_a_state_that_is_not_named_any_more_never_adds_a_victim(
    look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings, state: str
) -> None:
    fewer = replace(chosen, states=tuple(t for t in chosen.states if t.state != state))
    found = victims(look, fewer, settings, where)
    assert found == {s for s in victims(look, chosen, settings, where) if s.state != state}


@examples
@given(look=looks, chosen=criteria, clients=networks)
def test_a_choice_of_clients_where_there_was_none_never_adds_a_victim(
    look: list[Session], chosen: Criteria, clients: Networks
) -> None:
    assert victims(look, replace(chosen, clients=clients)) <= victims(look, replace(chosen, clients=Networks()))


@examples
@given(look=looks, chosen=criteria, settings=guard_settings, where=surroundings, name=names)
def test_an_added_protected_name_never_adds_a_victim(
    look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings, name: str
) -> None:
    before = victims(look, chosen, settings, where)
    assert victims(look, chosen, replace(settings, users=settings.users | {name}), where) <= before
    assert victims(look, chosen, replace(settings, applications=settings.applications | {name}), where) <= before


@examples
@given(look=looks, chosen=criteria, settings=guard_settings, where=surroundings, name=names)
def test_one_more_coordinator_never_adds_a_victim(
    look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings, name: str
) -> None:
    more = replace(where, coordinators=where.coordinators | {name})
    assert victims(look, chosen, settings, more) <= victims(look, chosen, settings, where)


@examples
@given(look=looks, chosen=criteria, settings=guard_settings, where=surroundings, address=addresses)
def test_one_more_node_and_not_to_know_the_nodes_never_add_a_victim(
    look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings, address: str
) -> None:
    more = replace(where, peer_addresses=(where.peer_addresses or frozenset()) | {address})
    fewer = replace(where, peer_addresses=more.peer_addresses - {address} if more.peer_addresses else frozenset())
    unknown = replace(where, peer_addresses=None)
    assert victims(look, chosen, settings, more) <= victims(look, chosen, settings, fewer)
    assert victims(look, chosen, settings, unknown) <= victims(look, chosen, settings, more)


@examples
@given(name=guard_names, look=looks, chosen=criteria, settings=guard_settings, where=surroundings)
def test_a_guard_gives_up_exactly_those_whom_it_alone_spared(
    name: GuardName, look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings
) -> None:
    on = replace(settings, off=settings.off - {name})
    off = replace(settings, off=settings.off | {name})
    spared = {
        verdict.session
        for verdict in judge(look, chosen, on, where)
        if [objection.by for objection in verdict.objections] == [name]
    }
    event(f"{name} spared {'some' if spared else 'nobody'}")
    assert victims(look, chosen, off, where) == victims(look, chosen, on, where) | spared


@examples
@given(name=guard_names, look=looks, chosen=criteria, settings=guard_settings, where=surroundings)
def test_a_guard_that_is_switched_off_never_removes_a_victim(
    name: GuardName, look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings
) -> None:
    on = replace(settings, off=settings.off - {name})
    off = replace(settings, off=settings.off | {name})
    assert victims(look, chosen, on, where) <= victims(look, chosen, off, where)


# --- what is not known -----------------------------------------------------------------------------------------------

# No verdict rests on the port: an address is the evidence, and the port only belongs to it. An idle session is in no
# transaction, so that there is none to tell of is nothing that is hidden.
JUDGED_BY = [
    field.name
    for field in fields(Session)
    if "None" in str(field.type) and field.name not in {"client_port", "transaction_start"}
]


def test_every_fact_that_may_be_unknown_is_looked_at() -> None:
    assert len(JUDGED_BY) == 13


@pytest.mark.parametrize("fact", JUDGED_BY)
@examples
@given(session=killable_sessions(), where=st.sampled_from(PLACES))
def test_a_session_of_which_a_single_fact_is_unknown_is_spared(
    fact: str, session: Session, where: Surroundings
) -> None:
    assert victims([session], Criteria(), GuardSettings(), where) == {session}
    hidden = replace(session, **{fact: None})
    assert not victims([hidden], Criteria(), GuardSettings(), where)


@examples
@given(look=looks, chosen=criteria, settings=guard_settings, where=surroundings, data=st.data())
def test_to_know_less_never_adds_a_victim(
    look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings, data: st.DataObject
) -> None:
    assume(look)
    on = replace(settings, off=frozenset())
    place = data.draw(st.integers(0, len(look) - 1))
    hidden = replace(look[place], **dict.fromkeys(data.draw(st.sets(st.sampled_from(JUDGED_BY), min_size=1))))
    dimmer = [*look[:place], hidden, *look[place + 1 :]]
    assert victims(dimmer, chosen, on, where) == victims(look, chosen, on, where) - {look[place]}


# --- lists and order -------------------------------------------------------------------------------------------------


@examples
@given(
    what=kinds_of_names,
    look=looks,
    chosen=criteria,
    settings=guard_settings,
    where=surroundings,
    exclude=st.lists(patterns).map(tuple),
)
def test_an_empty_include_list_makes_no_victim(
    what: str,
    look: list[Session],
    chosen: Criteria,
    settings: GuardSettings,
    where: Surroundings,
    exclude: tuple[Pattern, ...],
) -> None:
    nobody = replace(chosen, **{what: Selection(include=(), exclude=exclude)})
    assert not victims(look, nobody, settings, where)


@examples
@given(what=kinds_of_names, look=looks, chosen=criteria, settings=guard_settings, where=surroundings)
def test_an_include_list_that_matches_nobody_makes_no_victim(
    what: str, look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings
) -> None:
    mistyped = replace(chosen, **{what: Selection(include=("nobody has this name",))})
    assert not victims(look, mistyped, settings, where)


@examples
@given(look=looks, chosen=criteria, settings=guard_settings, where=surroundings)
def test_every_session_gets_one_verdict_in_the_order_of_the_look(
    look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings
) -> None:
    verdicts = judge(look, chosen, settings, where)
    assert [verdict.session for verdict in verdicts] == look
    for verdict in verdicts:
        assert (verdict.victim is None) == bool(verdict.objections)
        assert bool(verdict.reason) == bool(verdict.objections)


@examples
@given(look=looks, chosen=criteria, settings=guard_settings, where=surroundings, data=st.data())
def test_a_verdict_does_not_depend_on_the_other_sessions_nor_on_their_order(
    look: list[Session], chosen: Criteria, settings: GuardSettings, where: Surroundings, data: st.DataObject
) -> None:
    verdicts = judge(look, chosen, settings, where)
    shuffled = data.draw(st.permutations(look))
    assert set(judge(shuffled, chosen, settings, where)) == set(verdicts)
    alone = [judge([session], chosen, settings, where)[0] for session in look]
    assert tuple(alone) == verdicts


@examples
@given(session=any_sessions() | sessions, chosen=criteria, settings=guard_settings, where=surroundings)
def test_nothing_a_look_may_bring_makes_judging_fail(
    session: Session, chosen: Criteria, settings: GuardSettings, where: Surroundings
) -> None:
    for objection in judge([session], chosen, settings, where)[0].objections:
        assert objection.by not in settings.off
        assert objection.reason
