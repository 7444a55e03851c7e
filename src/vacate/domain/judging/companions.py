"""Programs that live beside a database server, and how their sessions are known: by application, user or statement.

Names of applications and users are given by their owners and can be taken by anybody. They are compared letter by
letter, as the servers keep them.
"""

import re
from itertools import pairwise

from vacate.domain.sessions.fingerprints import normalised

# Source: what each program passes to libpq as `application_name` or `fallback_application_name`. PostgreSQL's own tools
# pass their own name; pgBackRest adds the command in brackets, pgcopydb its process and its task. Barman's names are
# the defaults of `conninfo`, `streaming_backup_name` and `streaming_archiver_name` in its manual.
_TOOLS = frozenset(
    {
        "barman",
        "barman_receive_wal",
        "barman_streaming_backup",
        "clusterdb",
        "pg_amcheck",
        "pg_basebackup",
        "pg_dump",
        "pg_dumpall",
        "pg_probackup",
        "pg_receivewal",
        "pg_recvlogical",
        "pg_repack",
        "pg_restore",
        "reindexdb",
        "vacuumdb",
    }
)
_TOOLS_BEGIN = ("pgBackRest [", "pgcopydb[")

# Source: Patroni calls its connections by its own name, newer releases with their purpose behind it; repmgr and its
# daemon pass `repmgr`; pg_auto_failover's standbys have the name with a number.
_MANAGERS = frozenset({"Patroni", "repmgr"})
_MANAGERS_BEGIN = ("Patroni ", "pgautofailover_")

# Source: Citus (connection/connection_management) and Postgres-XC, -XL and their descendants (pgxc/pool/pgxcnode).
_NODES_BEGIN = ("citus_internal gpid=", "citus_rebalancer gpid=", "citus_run_command gpid=", "pgxc:")

# Source: the users that each program's manual has made for it, or that it makes by itself.
COMPANION_USERS = frozenset(
    {
        "autoctl_node",
        "barman",
        "bucardo",
        "patroni",
        "pgagent",
        "pgautofailover_monitor",
        "pgautofailover_replicator",
        "pgbackrest",
        "pgpool",
        "repmgr",
        "rewind_user",
        "stolon",
        "streaming_barman",
    }
)
_SERVERS_FILES = re.compile(r"pg_read_binary_file|pg_ls_dir", re.IGNORECASE)
_AGENTS_SCHEMA = re.compile(r"pgagent", re.IGNORECASE)
_READ = 65_536


def is_a_tools(application: str) -> bool:
    """Whether an application's name is that of a tool that copies, restores or rebuilds a database."""
    return application in _TOOLS or application.startswith(_TOOLS_BEGIN)


def is_a_managers(application: str) -> bool:
    """Whether an application's name is that of a program that watches over a cluster."""
    return application in _MANAGERS or application.startswith(_MANAGERS_BEGIN)


def is_a_peers(application: str) -> bool:
    """Whether an application's name is that of another node of a cluster that is built on PostgreSQL."""
    return application.startswith(_NODES_BEGIN)


def is_the_agents(statement: str) -> bool:
    """Whether a statement works on the tables of pgAgent, whose sessions have no name of their own."""
    if not _AGENTS_SCHEMA.search(statement):
        return False
    words = [word.strip('"') for word in normalised(statement[:_READ])]
    return any(pair == ("pgagent", ".") for pair in pairwise(words))


def is_a_rewinds(statement: str) -> bool:
    """Whether a statement lists or reads the server's files, as pg_rewind does, whose sessions have no name."""
    if not _SERVERS_FILES.search(statement):
        return False
    pairs = set(pairwise(normalised(statement[:_READ])))
    listed = ("recursive", "files") in pairs and ("pg_ls_dir", "(") in pairs
    return listed or ("pg_read_binary_file", "(") in pairs
