"""Sums over the sessions of an instance."""

from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET

from vacate.api.gaussdb_v3 import statistics
from vacate.api.gaussdb_v3.fields import Paging
from vacate.api.gaussdb_v3.statistics import DimensionShare, SessionOverview, TopSql, WaitEvent
from vacate.client.calling import PAGE, Caller
from vacate.client.driving import call, listing
from vacate.client.exchange import Flow, Pages

_DIMENSIONS: dict[str, Literal["usename", "client_addr", "datname"]] = {
    "user": "usename",
    "client": "client_addr",
    "database": "datname",
}


class Statistics(Caller):
    """The calls about numbers of sessions."""

    @call
    def session_overview(self, instance_id: str) -> Flow[SessionOverview]:
        """Count the client sessions of an instance: all, the active, the slow and the waiting ones.

        Args:
            instance_id: The instance.

        Returns:
            The four numbers, as decimal texts.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        return (
            yield from self._ask(
                statistics.SESSION_OVERVIEW, statistics.SessionOverview, path={"instance_id": instance_id}
            )
        )

    @listing
    def session_statistics(
        self,
        instance_id: str,
        by: Literal["user", "client", "database"],
        *,
        order: Literal["name", "active", "total"] = "name",
        descending: bool = False,
    ) -> Pages[DimensionShare]:
        """Count the client sessions of an instance by user, client address or database.

        Args:
            instance_id: The instance.
            by: What they are counted by.
            order: What the entries are ordered by; equals come by name.
            descending: Whether the largest comes first.

        Returns:
            An iterator that fetches the pages as they are wanted.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        fields: dict[str, Literal["active_num", "total_num"]] = {"active": "active_num", "total": "total_num"}

        def page(offset: int) -> Flow[tuple[Sequence[DimensionShare], int]]:
            query = statistics.SessionStatisticsQuery(
                dimension=_DIMENSIONS[by],
                order_field=fields.get(order, UNSET),
                order="DESC" if descending else "ASC",
                offset=offset,
                limit=PAGE,
            )
            found = yield from self._ask(
                statistics.SESSION_STATISTICS,
                statistics.SessionStatistics,
                path={"instance_id": instance_id},
                query=query,
            )
            return found.statistics_list, found.total

        return self._pages(page)

    @listing
    def top_statements(self, instance_id: str) -> Pages[TopSql]:
        """Count, for each component, the sessions that run the same statement at this moment.

        Args:
            instance_id: The instance.

        Returns:
            An iterator that fetches the pages as they are wanted, most sessions first.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """

        def page(offset: int) -> Flow[tuple[Sequence[TopSql], int]]:
            found = yield from self._ask(
                statistics.TOP_SQL,
                statistics.TopSqlStatistics,
                path={"instance_id": instance_id},
                query=_part(offset),
            )
            return found.top_sql_info, found.total

        return self._pages(page)

    @listing
    def wait_events(self, instance_id: str) -> Pages[WaitEvent]:
        """Count, for each component, the busy sessions that wait for the same event at this moment.

        Args:
            instance_id: The instance.

        Returns:
            An iterator that fetches the pages as they are wanted, most sessions first.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """

        def page(offset: int) -> Flow[tuple[Sequence[WaitEvent], int]]:
            found = yield from self._ask(
                statistics.WAIT_EVENT,
                statistics.WaitEventStatistics,
                path={"instance_id": instance_id},
                query=_part(offset),
            )
            return found.wait_event_info, found.total

        return self._pages(page)


def _part(offset: int) -> Paging:
    return Paging(offset=offset, limit=PAGE)
