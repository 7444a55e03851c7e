"""The guards: each asks one thing of a session, and answers why the session is spared.

A guard never looks anything up: it reads the session of one look and the facts of the component. What a guard reads of
an idle session can only change by a statement of that session, and a statement moves `state_change`, which the
terminating statement compares again.
"""

from collections.abc import Callable

from vacate.domain.judging.companions import (
    COMPANION_USERS,
    is_a_managers,
    is_a_peers,
    is_a_rewinds,
    is_a_tools,
    is_the_agents,
)
from vacate.domain.judging.evidence import fetched_from, heartbeat, held_after
from vacate.domain.judging.patterns import is_one_of
from vacate.domain.judging.reserved import is_a_nodes, is_the_clusters, is_the_platforms
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.judging.surroundings import Surroundings
from vacate.domain.sessions.session import CLIENT_BACKEND, IDLE, NOTHING_HELD, Session
from vacate.domain.topology.addresses import is_among, parse
from vacate.domain.topology.components import ComponentKind

FDW_APPLICATION = "postgres_fdw"

Guard = Callable[[Session, GuardSettings, Surroundings], str | None]


def _own_session(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return "it belongs to Vacate" if session.own else None


def _not_a_client(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return (
        None
        if session.backend_type == CLIENT_BACKEND
        else f"it is no client session: {session.backend_type or 'hidden'}"
    )


def _cluster_tool(session: Session, _: GuardSettings, surroundings: Surroundings) -> str | None:
    if surroundings.engine.of_gauss_family and session.application and is_the_clusters(session.application):
        return f"it belongs to the cluster itself: {session.application}"
    return None


def _no_client_address(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return (
        "it has no client address (a local socket or an internal session)" if session.client_address is None else None
    )


def _superuser(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return f"user {session.user!r} is a superuser" if session.superuser else None


def _owner_dropped(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    dropped = [what for what, gone in (("user", session.user_dropped), ("database", session.database_dropped)) if gone]
    return f"its {' and its '.join(dropped)} {'were' if dropped[1:] else 'was'} dropped meanwhile" if dropped else None


def _platform_user(session: Session, _: GuardSettings, surroundings: Surroundings) -> str | None:
    if surroundings.engine.of_gauss_family and session.user and is_the_platforms(session.user):
        return f"user {session.user!r} belongs to the vendor's platform"
    return None


def _protected_user(session: Session, settings: GuardSettings, _: Surroundings) -> str | None:
    protected = session.user is not None and is_one_of(session.user, settings.users)
    return f"user {session.user!r} is protected" if protected else None


def _protected_application(session: Session, settings: GuardSettings, _: Surroundings) -> str | None:
    protected = session.application is not None and is_one_of(session.application, settings.applications)
    return f"application {session.application!r} is protected" if protected else None


def _protected_database(session: Session, settings: GuardSettings, _: Surroundings) -> str | None:
    protected = session.database is not None and is_one_of(session.database, settings.databases)
    return f"database {session.database!r} is protected" if protected else None


def _protected_client(session: Session, settings: GuardSettings, _: Surroundings) -> str | None:
    if not settings.clients or session.client_address is None:
        return None
    address = parse(session.client_address)
    if address is None:
        return f"it cannot be told whether client {session.client_address!r} is protected"
    protected = any(address in network for network in settings.clients)
    return f"client {session.client_address!r} is protected" if protected else None


def _maintenance_tool(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    if session.application and is_a_tools(session.application):
        return f"it belongs to a tool that is at work: {session.application}"
    return "it reads the server's files for pg_rewind" if session.query and is_a_rewinds(session.query) else None


def _cluster_manager(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    found = session.application and is_a_managers(session.application)
    return f"it belongs to a program that watches over the cluster: {session.application}" if found else None


def _job_agent(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return "it works on the jobs of pgAgent" if session.query and is_the_agents(session.query) else None


def _companion_user(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    if session.user in COMPANION_USERS:
        return f"user {session.user!r} is one that a program beside the server logs in as"
    return None


def _listener(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    if held_after(session.held, session.query).listening:
        now = held_after(NOTHING_HELD, session.query).listening
        return f"it waits for notifications (LISTEN{'' if now else ', seen earlier in its life'})"
    worker = heartbeat(session.query)
    return f"it waits for notifications: {worker}" if worker else None


def _held_cursor(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    if cursors := held_after(session.held, session.query).cursors:
        return f"it holds a cursor open beyond its transaction (WITH HOLD): {min(cursors) or 'one of many'}"
    cursor = fetched_from(session.query) if session.state == IDLE else None
    return f"it reads from a cursor beyond its transaction (WITH HOLD): {cursor}" if cursor else None


def _base_backup(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return "it runs a base backup" if held_after(session.held, session.query).backup else None


def _advisory_lock(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return "it holds an advisory lock" if session.holds_advisory_lock else None


def _replication_slot(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    return "it owns a replication slot" if session.holds_replication_slot else None


def _coordinator_link(session: Session, _: GuardSettings, surroundings: Surroundings) -> str | None:
    application = session.application
    if application is None:
        return None
    named = application in surroundings.coordinators
    if surroundings.engine.of_gauss_family:
        # Coordinators of this family have links to one another as well.
        found = named or is_a_nodes(application)
    else:
        on_data_node = surroundings.kind is ComponentKind.DATA_NODE and (named or application == FDW_APPLICATION)
        # Nodes of these clusters are linked to one another, whatever their part is.
        found = on_data_node or is_a_peers(application)
    return f"it is a coordinator's pooled link ({application})" if found else None


def _peer_node(session: Session, _: GuardSettings, surroundings: Surroundings) -> str | None:
    if not surroundings.engine.of_gauss_family or surroundings.kind is not ComponentKind.DATA_NODE:
        return None
    if session.client_address is None:
        return None
    if surroundings.peer_addresses is None:
        return "it is not known which addresses are the instance's own nodes"
    match is_among(session.client_address, surroundings.peer_addresses):
        case True:
            return f"it comes from another node of the instance ({session.client_address})"
        case None:
            return f"it cannot be told whether {session.client_address!r} is one of the instance's own nodes"
        case False:
            return None


def _unknown(session: Session, _: GuardSettings, __: Surroundings) -> str | None:
    facts = {
        "user": session.user_dropped or session.user,
        "superuser": session.user_dropped or session.superuser,
        "database": session.database_dropped or session.database,
        "application": session.application,
        "statement": session.query,
        "advisory lock": session.holds_advisory_lock,
        "replication slot": session.holds_replication_slot,
    }
    hidden = [name for name, value in facts.items() if value is None]
    garbled = ["statement" if fact == "query" else fact for fact in sorted(session.undecodable)]
    words = (("not known", hidden), ("not decodable", garbled))
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in words if names) or None


GUARDS: dict[GuardName, Guard] = {
    GuardName.OWN_SESSION: _own_session,
    GuardName.NOT_A_CLIENT: _not_a_client,
    GuardName.CLUSTER_TOOL: _cluster_tool,
    GuardName.NO_CLIENT_ADDRESS: _no_client_address,
    GuardName.SUPERUSER: _superuser,
    GuardName.OWNER_DROPPED: _owner_dropped,
    GuardName.PLATFORM_USER: _platform_user,
    GuardName.PROTECTED_USER: _protected_user,
    GuardName.PROTECTED_APPLICATION: _protected_application,
    GuardName.PROTECTED_DATABASE: _protected_database,
    GuardName.PROTECTED_CLIENT: _protected_client,
    GuardName.MAINTENANCE_TOOL: _maintenance_tool,
    GuardName.CLUSTER_MANAGER: _cluster_manager,
    GuardName.JOB_AGENT: _job_agent,
    GuardName.COMPANION_USER: _companion_user,
    GuardName.LISTENER: _listener,
    GuardName.HELD_CURSOR: _held_cursor,
    GuardName.BASE_BACKUP: _base_backup,
    GuardName.ADVISORY_LOCK: _advisory_lock,
    GuardName.REPLICATION_SLOT: _replication_slot,
    GuardName.COORDINATOR_LINK: _coordinator_link,
    GuardName.PEER_NODE: _peer_node,
    GuardName.UNKNOWN: _unknown,
}

NATURE = (GuardName.OWN_SESSION, GuardName.NOT_A_CLIENT, GuardName.CLUSTER_TOOL)
"""The guards that say what a session is. They are asked before the criteria."""

WAIVED_WHEN_NAMED = frozenset(
    {
        GuardName.NO_CLIENT_ADDRESS,
        GuardName.OWNER_DROPPED,
        GuardName.MAINTENANCE_TOOL,
        GuardName.CLUSTER_MANAGER,
        GuardName.JOB_AGENT,
        GuardName.COMPANION_USER,
        GuardName.LISTENER,
        GuardName.HELD_CURSOR,
        GuardName.BASE_BACKUP,
        GuardName.ADVISORY_LOCK,
        GuardName.REPLICATION_SLOT,
        GuardName.COORDINATOR_LINK,
        GuardName.PEER_NODE,
    }
)
"""The guards that ask whether an idle session is really abandoned. Whoever names a session has answered that."""
