"""One look at a server that is no component yet: what it is, and whom it names."""

from collections.abc import Sequence

from vacate.components.capabilities import Capabilities, check
from vacate.components.decoding import Decoder
from vacate.components.dialects import probe
from vacate.components.drivers import Row
from vacate.components.login import dialect_of
from vacate.components.statements import statement
from vacate.components.timeouts import Timeouts
from vacate.components.wire import StatementRefusedError, Wire
from vacate.domain.discovery.facts import ClusterNode, NodeType, Receiver, ServerFacts, Source
from vacate.domain.errors import MissingRightsError
from vacate.domain.topology.components import Component
from vacate.operations.ports import Pins

_UNDEFINED_TABLE = "42P01"


class EngineScout:
    """Implements `operations.discovery.discover.Scout`."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts

    async def look(self, dsn: str) -> ServerFacts:
        """Log in, ask the server what it is and whom it names, and log out.

        Raises:
            ComponentUnreachableError, MissingRightsError, UnsupportedServerError.
        """
        wire = Wire(dsn, self._timeouts)
        try:
            await wire.connect()
            capabilities = await probe(wire)
            if capabilities.remedies:
                raise MissingRightsError(capabilities.remedies)
            return await _facts(wire, capabilities)
        finally:
            await wire.close()

    async def examine(self, component: Component, dsn: str, pins: Pins) -> None:
        """Log in, refuse a server that is not the component's or hides what must be seen, and log out.

        Raises:
            ComponentUnreachableError, MissingRightsError, UnsupportedServerError, WrongServerError.
        """
        wire = Wire(dsn, self._timeouts)
        try:
            await wire.connect()
            await check(await probe(wire), component, pins)
        finally:
            await wire.close()


async def _facts(wire: Wire, capabilities: Capabilities) -> ServerFacts:
    software = capabilities.software
    sql = statement(dialect_of(software.engine), "replication", software.major, capabilities.offered)
    relations = await wire.fetch(sql)
    (own,) = _related(relations, "own")
    decoder = wire.decoder
    sources = _related(relations, "source")
    shown = [Source(host=_word(row["host"], decoder), port=row["port"]) for row in sources if row["host"] is not None]
    family = software.engine.of_gauss_family
    return ServerFacts(
        engine=software.engine,
        version=software.version,
        system_identifier=capabilities.system_identifier,
        in_recovery=capabilities.in_recovery,
        started_at=own["started_at"],
        own_host=_word(own["host"], decoder),
        node_name=capabilities.node_name,
        distributed=capabilities.distributed,
        receivers=tuple(
            Receiver(host=_word(row["host"], decoder), name=_word(row["name"], decoder))
            for row in _related(relations, "receiver")
        ),
        source=shown[0] if shown else None,
        source_hidden=bool(sources) and not shown,
        nodes=await _nodes(wire, capabilities.node_name) if family else (),
    )


def _related(rows: Sequence[Row], relation: str) -> list[Row]:
    return [row for row in rows if row["relation"] == relation]


def _word(raw: bytes | None, decoder: Decoder) -> str:
    return decoder.name(raw).shown if raw else ""


async def _nodes(wire: Wire, node_name: str | None) -> tuple[ClusterNode, ...]:
    """The nodes of the cluster. Only a coordinator knows them; what others have in that place means nothing."""
    try:
        rows = await wire.fetch(statement("gauss", "nodes"))
    except StatementRefusedError as error:
        if error.sqlstate != _UNDEFINED_TABLE:
            raise
        return ()
    nodes = tuple(
        ClusterNode(
            name=_word(row["name"], wire.decoder),
            type=NodeType(row["type"]),
            host=_word(row["host"], wire.decoder),
            port=row["port"],
        )
        for row in rows
    )
    own = (node_name, NodeType.COORDINATOR)
    return nodes if own in {(node.name, node.type) for node in nodes} else ()
