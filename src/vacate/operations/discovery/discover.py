"""Look at a cluster, from the servers that are given to all that they name."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from vacate.domain.discovery.assembly import Discovered, Wishes, assemble
from vacate.domain.discovery.facts import (
    DiscoveryError,
    Lead,
    Roster,
    Seen,
    ServerFacts,
    check_lead,
    check_member,
    members_named,
    servers_named,
)
from vacate.domain.errors import VacateError
from vacate.domain.topology.dsn import Address, Dsn

# More are no cluster, but servers that name one another without end.
_MOST_SERVERS = 1000


class Scout(Protocol):
    """Whoever looks at a server."""

    async def look(self, dsn: str) -> ServerFacts:
        """Log in, ask the server what it is and whom it names, and log out.

        Raises:
            ComponentUnreachableError, MissingRightsError, UnsupportedServerError.
        """
        ...


Enrol = Callable[[], Awaitable[Roster]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discover:
    """Finds the instance that some servers belong to. Nothing is changed anywhere."""

    scout: Scout
    enrol: Enrol | None = None

    async def __call__(self, dsns: Sequence[Dsn], wishes: Wishes) -> Discovered:
        """Look at the given servers, at the members that a cluster's manager names, and at whom those name.

        A server that is only named is logged in to as the one that named it was.

        Raises:
            DiscoveryError: something is not told, or does not fit together.
        """
        search = _Search(self.scout, wishes.without)
        for dsn in dsns:
            await search.given(dsn)
        if self.enrol is not None:
            roster = await self.enrol()
            wishes = replace(wishes, name=wishes.name or roster.name)
            search.follow(dsns[0], members_named(roster))
        await search.exhaust()
        return assemble(search.seen, search.left_out, wishes)


class _Search:
    """What is seen so far, and which leads are still open."""

    def __init__(self, scout: Scout, without: frozenset[str]) -> None:
        self.seen: list[Seen] = []
        self.left_out: list[Lead] = []
        self._scout = scout
        self._without = without
        self._at: dict[Address, int] = {}
        self._open: deque[tuple[Dsn, Lead]] = deque()

    async def given(self, dsn: Dsn) -> None:
        """Look at a server that was given."""
        seen = Seen(dsn=dsn, facts=await self._look(dsn, "the DSN"))
        if (known := self._known(seen)) is not None:
            other = self.seen[known]
            raise DiscoveryError(f"{other} and {seen} are the same server; give one DSN for each server")
        self._keep(seen)

    def follow(self, dsn: Dsn, leads: Sequence[Lead]) -> None:
        """Remember leads, to be followed with the login of a DSN."""
        self._open.extend((dsn, lead) for lead in leads)

    async def exhaust(self) -> None:
        """Follow every lead, and those that come up meanwhile."""
        while self._open:
            dsn, lead = self._open.popleft()
            if lead.names & self._without:
                self.left_out.append(lead)
                continue
            await self._pursue(dsn, lead)

    async def _pursue(self, dsn: Dsn, lead: Lead) -> None:
        if lead.member:
            check_member(lead.member)
        at = self._at.get(lead.address)
        if at is None:
            seen = Seen(dsn=dsn.at(lead.address), facts=await self._look(dsn.at(lead.address), lead.origin), lead=lead)
            at = self._known(seen)
            if at is None:
                at = self._keep(seen)
            self._at[lead.address] = at
        check_lead(lead, self.seen[at])
        # What was found by one way and is named by another as well belongs to the cluster by the other's word, too.
        if self.seen[at].lead is None:
            self.seen[at] = replace(self.seen[at], lead=lead)

    def _known(self, seen: Seen) -> int | None:
        """The place of the same server, reached by another address."""
        fingerprints = [each.facts.fingerprint for each in self.seen]
        return fingerprints.index(seen.facts.fingerprint) if seen.facts.fingerprint in fingerprints else None

    def _keep(self, seen: Seen) -> int:
        if len(self.seen) >= _MOST_SERVERS:
            raise DiscoveryError(f"the servers name more than {_MOST_SERVERS} others; write the configuration by hand")
        self.seen.append(seen)
        self._at[seen.address] = len(self.seen) - 1
        self.follow(seen.dsn, servers_named(seen))
        return len(self.seen) - 1

    async def _look(self, dsn: Dsn, origin: str) -> ServerFacts:
        try:
            return await self._scout.look(dsn.text)
        except VacateError as error:
            remedy = "" if origin == "the DSN" else f"; it is {origin}: leave it out with --without {dsn.address}"
            raise DiscoveryError(f"{dsn.address}: {error}{remedy}") from error
