"""The race between a sweep and sessions that wake: the peer's one line, and the server's log as the judge."""

import re
from collections.abc import Mapping

from tests.support.postgres import LiveServer

ONE_LINER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE state = 'idle' AND backend_type = 'client backend' AND usename = 'app' AND pid <> pg_backend_pid()
"""
GAUSS_ONE_LINER = """
SELECT pg_terminate_session(pid, sessionid) FROM pg_stat_activity WHERE state = 'idle' AND usename = 'app'
"""
# The log shows the statement beside the line of a session that was ended in the middle of one.
SETTINGS: Mapping[str, str] = {"log_min_error_statement": "fatal"}

_ENDED = re.compile(
    r"FATAL:  terminating connection due to administrator command\n[^\n]*STATEMENT:  (?P<statement>[^\n]*)"
)


def statements_cut(server: LiveServer) -> list[str]:
    """The statements that were cut off since the server's start."""
    return [found["statement"] for found in _ENDED.finditer(server.server.log_since_start())]


async def all_idle_are_gone(server: LiveServer) -> bool:
    """Whether the sessions that only idle have all ended."""
    return not await server.pids("application_name = 'idle'")
