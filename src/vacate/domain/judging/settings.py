"""The names of the guards, and what an instance says about them."""

from dataclasses import dataclass, replace
from enum import StrEnum

from vacate.domain.judging.patterns import Pattern
from vacate.domain.topology.addresses import Network


class GuardName(StrEnum):
    """Every guard, by the name that switches it off and that reports and metrics print."""

    OWN_SESSION = "own_session"
    NOT_A_CLIENT = "not_a_client"
    CLUSTER_TOOL = "cluster_tool"
    NO_CLIENT_ADDRESS = "no_client_address"
    SUPERUSER = "superuser"
    OWNER_DROPPED = "owner_dropped"
    PLATFORM_USER = "platform_user"
    PROTECTED_USER = "protected_user"
    PROTECTED_APPLICATION = "protected_application"
    PROTECTED_DATABASE = "protected_database"
    PROTECTED_CLIENT = "protected_client"
    MAINTENANCE_TOOL = "maintenance_tool"
    CLUSTER_MANAGER = "cluster_manager"
    JOB_AGENT = "job_agent"
    COMPANION_USER = "companion_user"
    LISTENER = "listener"
    HELD_CURSOR = "held_cursor"
    BASE_BACKUP = "base_backup"
    ADVISORY_LOCK = "advisory_lock"
    REPLICATION_SLOT = "replication_slot"
    COORDINATOR_LINK = "coordinator_link"
    PEER_NODE = "peer_node"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What an instance protects beyond the defaults, and which defaults it switched off.

    Names are protected exactly or by a pattern, clients by their address or network.
    """

    users: frozenset[Pattern] = frozenset()
    applications: frozenset[Pattern] = frozenset()
    databases: frozenset[Pattern] = frozenset()
    clients: frozenset[Network] = frozenset()
    off: frozenset[GuardName] = frozenset()

    def waiving(self, names: frozenset[GuardName]) -> "GuardSettings":
        """The same with these guards off as well."""
        return replace(self, off=self.off | names)
