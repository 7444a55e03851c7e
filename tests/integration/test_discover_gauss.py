"""`vacate discover` where servers answer as a distributed GaussDB does: a coordinator names every node."""

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.gauss.double import GaussDouble, Node
from tests.support.postgres import eventually
from vacate.cli import main
from vacate.components.scout import EngineScout
from vacate.components.timeouts import Timeouts
from vacate.demo.servers import HOST, Installation, Workplace
from vacate.domain.discovery.facts import Source
from vacate.domain.topology.components import ComponentKind, ComponentRole
from vacate.settings.loading import load_settings

# Both replicas of a shard have its name.
CN, SHARD = "cn_5001", "dn_6001_6002"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A coordinator, and a shard of two replicas."""

    cn: GaussDouble
    primary: GaussDouble
    standby: GaussDouble

    def name_nodes(self, *nodes: Node) -> None:
        """Let the coordinator know these nodes, and no others."""
        self.cn.forget()
        self.cn.add_nodes(nodes)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node; all are on the coordinator's own machine."""
        return (
            Node(CN, "C", "localhost", self.cn.port),
            Node(SHARD, "D", HOST, self.primary.port),
            Node(SHARD, "S", HOST, self.standby.port),
        )


@pytest.fixture(scope="module")
def cluster(workplace: Workplace, installation: Installation) -> Generator[Cluster]:
    def started(name: str, node_name: str) -> GaussDouble:
        return GaussDouble.start(
            workplace,
            f"discovered-{name}-{installation.major}",
            installation,
            own_identity=True,
            deployment="Distribute",
            node_name=node_name,
        )

    cn, primary = started("cn", CN), started("dn", SHARD)
    standby = primary.standby(f"discovered-dn-standby-{installation.major}", node_name=SHARD)
    yield Cluster(cn=cn, primary=primary, standby=standby)
    for double in (standby, primary, cn):
        double.server.stop("immediate")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "vacate.toml"


def discover(output: Path, *arguments: str) -> Result:
    done = CliRunner().invoke(main, ["discover", *arguments, "--output", str(output)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_from_a_coordinator_every_node_is_found(cluster: Cluster, output: Path) -> None:
    cluster.name_nodes(*cluster.nodes)
    done = discover(output, cluster.cn.dsn())
    assert done.exit_code == 0, done.stderr
    first, second = sorted((cluster.primary, cluster.standby), key=lambda double: double.port)
    roles = {cluster.primary.port: ComponentRole.PRIMARY, cluster.standby.port: ComponentRole.STANDBY}
    assert {(c.id, c.kind, c.role, c.shard): dsn for c, dsn in load_settings(output).servers().items()} == {
        (CN, ComponentKind.COORDINATOR, ComponentRole.PRIMARY, ""): cluster.cn.dsn(),
        ("dn_6001", ComponentKind.DATA_NODE, roles[first.port], "6001"): first.dsn(),
        ("dn_6002", ComponentKind.DATA_NODE, roles[second.port], "6001"): second.dsn(),
    }
    assert "distributed instance" in done.stdout
    assert "gaussdb 505.2.1" in done.stdout


def test_a_standby_that_refuses_logins_can_be_left_out(cluster: Cluster, output: Path) -> None:
    with_closed = (*cluster.nodes[:2], Node(SHARD, "S", HOST, 1))
    cluster.name_nodes(*with_closed)
    done = discover(output, cluster.cn.dsn())
    assert done.exit_code == 1
    assert f"{HOST}:1: " in done.stderr
    assert f"--without {HOST}:1" in done.stderr
    done = discover(output, cluster.cn.dsn(), "--without", f"{HOST}:1")
    assert done.exit_code == 0, done.stderr
    assert {c.id: c.role for c in load_settings(output).servers()} == {
        CN: ComponentRole.PRIMARY,
        "dn_6002": ComponentRole.PRIMARY,
    }


def test_a_node_at_the_wrong_address_is_refused(cluster: Cluster, output: Path) -> None:
    cluster.name_nodes(*cluster.nodes, Node("cn_5002", "C", HOST, cluster.primary.port))
    done = discover(output, cluster.cn.dsn())
    assert done.exit_code == 1
    assert f"calls itself {SHARD}, and is cn_5002 in pgxc_node" in done.stderr


def test_a_data_node_alone_is_refused(cluster: Cluster, output: Path) -> None:
    done = discover(output, cluster.primary.dsn(), cluster.standby.dsn())
    assert done.exit_code == 1
    assert "give the DSN of a coordinator" in done.stderr
    assert not output.exists()


def test_missing_rights_are_named_in_the_familys_words(cluster: Cluster, output: Path) -> None:
    done = discover(output, cluster.cn.dsn("clerk"))
    assert done.exit_code == 1
    assert 'ALTER USER "clerk" MONADMIN;' in done.stderr
    assert 'GRANT gs_role_signal_backend TO "clerk";' in done.stderr


async def test_a_replica_tells_whom_it_streams_to_and_receives_from(cluster: Cluster) -> None:
    streaming = "SELECT * FROM pg_stat_wal_receiver WHERE status = 'streaming' AND sender_port IS NOT NULL"
    await eventually(lambda: cluster.standby.ask(streaming))
    scout = EngineScout(Timeouts())
    cluster.primary.sysadmin("administers")
    await eventually(lambda: _is_administrator(cluster.standby))
    primary = await scout.look(cluster.primary.dsn())
    standby = await scout.look(cluster.standby.dsn("administers"))
    assert [receiver.host for receiver in primary.receivers] == [HOST]
    # The port in the family's own words is not one that clients can use.
    assert (primary.source, standby.source) == (None, Source(host=HOST, port=None))
    assert primary.distributed
    assert primary.system_identifier == standby.system_identifier
    assert primary.started_at != standby.started_at


async def _is_administrator(standby: GaussDouble) -> bool:
    question = "SELECT FROM gauss.attributes a JOIN pg_authid r ON r.oid = a.role WHERE rolname = 'administers'"
    return bool(await standby.ask(question))


# --- a centralised pair ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A primary of openGauss, and its standby."""

    primary: GaussDouble
    standby: GaussDouble


@pytest.fixture(scope="module")
def pair(workplace: Workplace, installation: Installation) -> Generator[Pair]:
    def started(name: str) -> GaussDouble:
        return GaussDouble.start(
            workplace,
            f"discovered-{name}-{installation.major}",
            installation,
            engine="opengauss",
            own_identity=True,
            node_name="n1",
        )

    primary = started("pair")
    standby = primary.standby(f"discovered-pair-standby-{installation.major}", node_name="n1")
    yield Pair(primary=primary, standby=standby)
    for double in (standby, primary):
        double.server.stop("immediate")


async def _streams(primary: GaussDouble) -> bool:
    return bool(await primary.ask("SELECT * FROM pg_stat_replication WHERE state = 'streaming'"))


def test_a_pair_is_found_by_a_role_that_is_not_shown_whom_the_standby_follows(pair: Pair, output: Path) -> None:
    asyncio.run(eventually(lambda: _streams(pair.primary)))
    (receiver,) = asyncio.run(pair.standby.ask_as("vacate", "SELECT * FROM pg_stat_get_wal_receiver()"))
    assert [name for name, value in receiver.items() if value is not None] == ["receiver_pid"]
    done = discover(output, pair.primary.dsn(), pair.standby.dsn())
    assert done.exit_code == 0, done.stderr
    assert {c.role: dsn for c, dsn in load_settings(output).servers().items()} == {
        ComponentRole.PRIMARY: pair.primary.dsn(),
        ComponentRole.STANDBY: pair.standby.dsn(),
    }


def test_the_standby_of_a_pair_alone_is_not_said_to_follow_nobody(pair: Pair, output: Path) -> None:
    done = discover(output, pair.standby.dsn())
    assert done.exit_code == 1
    assert "no primary was found beside" in done.stderr
    assert "receives from nobody" not in done.stderr
