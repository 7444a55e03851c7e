"""How our own session behaves, whatever the server, the database or the role would have it do by default.

The server takes what is asked for at the login before its own defaults (`ALTER ROLE … SET`, `ALTER DATABASE … SET`,
postgresql.conf), so nothing of ours runs under a setting that somebody else chose. A trigger at the login can still
change it, so `setup.sql` says the same once more.
"""

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from vacate.components.decoding import RAW
from vacate.components.timeouts import Timeouts
from vacate.domain.sessions.session import OWN_APPLICATION

# What the DSN itself may say otherwise: where names are looked up, and as whom Vacate acts.
_LEFT_TO_THE_DSN = ("search_path", "role")

# Every name here is known to PostgreSQL 15 and newer and may be set by every role.
_POSTGRESQL: Mapping[str, str] = {
    "role": "none",
    "lock_timeout": "2000",
    # The server must not end the very connection that is kept for the moment when no slot is left.
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "tcp_user_timeout": "0",
    "client_connection_check_interval": "0",
    "exit_on_error": "off",
    # A standby refuses serializable transactions.
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "row_security": "on",
    "stats_fetch_consistency": "cache",
    "transform_null_equals": "off",
    "standard_conforming_strings": "on",
    "client_min_messages": "error",
    "bytea_output": "hex",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "local_preload_libraries": "",
    # Compiling a plan costs more than any plan of ours. How the terminating statement runs is not left to chance.
    "jit": "off",
    "plan_cache_mode": "auto",
    "max_parallel_workers_per_gather": "0",
    "enable_seqscan": "on",
    "enable_nestloop": "on",
    "enable_hashjoin": "on",
    "enable_mergejoin": "on",
    "enable_material": "on",
    "enable_memoize": "off",
    "enable_sort": "on",
    "enable_hashagg": "on",
}
# Since PostgreSQL 17. An older server refuses a login that names it, so it is named only where it is needed.
TRANSACTION_TIMEOUT = "transaction_timeout"


def common_settings(dsn: str) -> dict[str, str]:
    """The settings that every server of both families takes at the login.

    Names in our statements mean the server's own objects, unless the DSN itself says where to look first. No text is
    converted for us, since one that cannot be would cost the whole answer.
    """
    return {"application_name": OWN_APPLICATION, "client_encoding": RAW} | _unless_named(
        dsn, {"search_path": "pg_catalog"}
    )


def postgresql_settings(dsn: str, timeouts: Timeouts) -> dict[str, str]:
    """The settings that a PostgreSQL server takes at the login.

    `statement_timeout` is our own patience, so that what we gave up ends there too.
    """
    patience = str(int(timeouts.answer.total_seconds() * 1000))
    return common_settings(dsn) | {"statement_timeout": patience} | _unless_named(dsn, _POSTGRESQL)


def _unless_named(dsn: str, settings: Mapping[str, str]) -> dict[str, str]:
    named = parse_qs(urlsplit(dsn).query, keep_blank_values=True)
    return {name: value for name, value in settings.items() if name not in _LEFT_TO_THE_DSN or name not in named}
