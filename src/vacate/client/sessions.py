"""Sessions and transactions of a component: list them, end them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import msgspec

from vacate.api.errors import REQUEST_ID_HEADER
from vacate.api.gaussdb_v3 import sessions, transactions
from vacate.api.gaussdb_v3.reports import OUTCOMES_HEADER
from vacate.api.gaussdb_v3.session_rows import RealTimeSession
from vacate.api.gaussdb_v3.transactions import Transaction
from vacate.api.operation import Operation
from vacate.client.calling import PAGE, Caller, Located
from vacate.client.driving import call, listing
from vacate.client.exchange import Answer, Flow, Pages
from vacate.client.requests import decoded

_NamedT = TypeVar("_NamedT", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of a call that ends sessions.

    `success` is true when nothing is left of what was to end. `session_ids` are the named sessions that this call ended
    and saw gone; empty where none were named. `outcomes` counts what became of every session, as
    docs/reference/outcomes-and-guards.md names it. `request_id` names the call in the audit.
    """

    success: bool
    session_ids: tuple[str, ...]
    outcomes: dict[str, int]
    request_id: str


class Sessions(Caller):
    """The calls about sessions and transactions."""

    @call
    def list_sessions(
        self,
        component: Located,
        *,
        database: str | None = None,
        client_ip: str | None = None,
        user: str | None = None,
    ) -> Flow[list[RealTimeSession]]:
        """List the sessions of a component that have a client address, with what each does at this moment.

        Args:
            component: A row of `list_components`, or a `Target`.
            database: Only those in this database.
            client_ip: Only those of this client address.
            user: Only those of this user.

        Returns:
            The sessions, the oldest first. Numbers are decimal texts, as the contract writes them. Who may not read
            statements gets them empty.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        asked = sessions.SessionQuery(database_name=database, client_ip=client_ip, user_name=user)
        body = sessions.RealTimeSessionRequest(
            node_id=component.node_id, component_id=component.component_id, query_info=asked
        )
        answer = yield from self._ask(
            sessions.REAL_TIME_SESSION, sessions.RealTimeSessionResponse, path=_instance(component), body=body
        )
        return answer.sessions

    @call
    def find_session(self, component: Located, session_id: int | str) -> Flow[RealTimeSession | None]:
        """Find one session of a component by its id.

        Args:
            component: A row of `list_components`, or a `Target`.
            session_id: As the listing calls name it.

        Returns:
            The session; None when it has ended, or has no client address.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        body = sessions.RealTimeSessionRequest(node_id=component.node_id, component_id=component.component_id)
        answer = yield from self._ask(
            sessions.REAL_TIME_SESSION, sessions.RealTimeSessionResponse, path=_instance(component), body=body
        )
        return next((session for session in answer.sessions if session.session_id == str(session_id)), None)

    @call
    def kill_idle_sessions(self, component: Located) -> Flow[Ended]:
        """End the idle sessions of a component that its instance's criteria and guards do not spare.

        The call is never sent again by itself.

        Args:
            component: A row of `list_components`, or a `Target`.

        Returns:
            What became of every session, in numbers.

        Raises:
            NoAnswerError: no answer came; the audit says what was done.
            RefusedError: the service refused the call.
            ClientError: the service was not reached, or its answer cannot be read.
        """
        body = sessions.KillFreeSessionRequest(node_id=component.node_id, component_id=component.component_id)
        answer = yield from self._call(sessions.KILL_FREE_SESSION, path=_instance(component), body=body)
        return _ended(answer, decoded(answer, sessions.KillFreeSessionResponse).success)

    @call
    def kill_sessions(self, component: Located, session_ids: Sequence[int | str]) -> Flow[Ended]:
        """End the named sessions of a component, whatever they do; open transactions are rolled back.

        The call is never sent again by itself.

        Args:
            component: A row of `list_components`, or a `Target`.
            session_ids: As the listing calls name them; 1 to 1,000.

        Returns:
            Which of them were ended, and what became of each, in numbers.

        Raises:
            NoAnswerError: no answer came; the audit says what was done.
            RefusedError: the service refused the call.
            ClientError: the service was not reached, or its answer cannot be read.
        """
        return (yield from self._named(sessions.KILL_SESSION, sessions.KillSessionRequest, component, session_ids))

    @listing
    def list_transactions(
        self,
        component: Located,
        *,
        open_for: timedelta = timedelta(),
        databases: Sequence[str] = (),
        users: Sequence[str] = (),
        client_addresses: Sequence[str] = (),
    ) -> Pages[Transaction]:
        """List the sessions of a component that are in a transaction and not idle, the longest open first.

        Args:
            component: A row of `list_components`, or a `Target`.
            open_for: Only transactions that have been open for at least so long, in whole seconds.
            databases: Only those in one of these databases.
            users: Only those of one of these users.
            client_addresses: Only those of one of these client addresses.

        Returns:
            An iterator that fetches the pages as they are wanted. Transactions begin and end between two pages.

        Raises:
            RefusedError: the service refused the call.
            ClientError: no answer came, or none that can be read.
        """
        asked = transactions.TransactionQuery(
            exec_time=str(int(open_for.total_seconds())),
            datnames=tuple(databases),
            usenames=tuple(users),
            client_addrs=tuple(client_addresses),
        )

        def page(offset: int) -> Flow[tuple[Sequence[Transaction], int]]:
            body = transactions.ListTransactionsRequest(
                node_id=component.node_id,
                component_id=component.component_id,
                offset=offset,
                limit=PAGE,
                transaction_query_info=asked,
            )
            found = yield from self._ask(
                transactions.LIST_TRANSACTIONS,
                transactions.ListTransactionsResponse,
                path=_instance(component),
                body=body,
            )
            return found.rows, found.total

        return self._pages(page)

    @call
    def kill_transactions(self, component: Located, session_ids: Sequence[int | str]) -> Flow[Ended]:
        """End those of the named sessions that are in a transaction, which the server rolls back.

        The call is never sent again by itself.

        Args:
            component: A row of `list_components`, or a `Target`.
            session_ids: As the listing calls name them; 1 to 1,000.

        Returns:
            Which of them were ended, and what became of each, in numbers.

        Raises:
            NoAnswerError: no answer came; the audit says what was done.
            RefusedError: the service refused the call.
            ClientError: the service was not reached, or its answer cannot be read.
        """
        return (
            yield from self._named(
                transactions.KILL_TRANSACTIONS, transactions.KillTransactionsRequest, component, session_ids
            )
        )

    def _named(
        self, operation: Operation, shape: type[_NamedT], component: Located, session_ids: Sequence[int | str]
    ) -> Flow[Ended]:
        ids = tuple(map(str, session_ids))
        body = shape(node_id=component.node_id, component_id=component.component_id, session_ids=ids)
        answer = yield from self._call(operation, path=_instance(component), body=body)
        told = decoded(answer, sessions.KilledResponse)
        return _ended(answer, told.success, told.session_ids)


def _instance(component: Located) -> dict[str, str]:
    return {"instance_id": component.instance_id}


def _ended(answer: Answer, success: bool, session_ids: Sequence[str] = ()) -> Ended:  # noqa: FBT001 - the answer's own word
    counts = (count.strip().partition("=") for count in answer.headers.get(OUTCOMES_HEADER.lower(), "").split(","))
    return Ended(
        success=success,
        session_ids=tuple(session_ids),
        outcomes={name: int(number) for name, _, number in counts if number.isdecimal()},
        request_id=answer.headers.get(REQUEST_ID_HEADER.lower(), ""),
    )
