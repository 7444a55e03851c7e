"""How many client sessions a server has, asked as a superuser and without Vacate's own SQL."""

from collections.abc import Mapping

import asyncpg

_APPLICATION = "headcount"

_COUNT = """
SELECT coalesce(state, '-') AS state, count(*) AS sessions
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND application_name NOT IN ('vacate', $1)
 GROUP BY 1 ORDER BY 1
"""


async def headcount(superuser_dsn: str) -> Mapping[str, int]:
    """Client sessions by state; Vacate's own link and this question are left out."""
    connection = await asyncpg.connect(superuser_dsn, server_settings={"application_name": _APPLICATION})
    try:
        return {row["state"]: row["sessions"] for row in await connection.fetch(_COUNT, _APPLICATION)}
    finally:
        await connection.close()
