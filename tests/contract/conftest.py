"""One cluster and one service for all contract tests, and users of every role."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.contract import shop as the_shop
from tests.contract.clients import Official, official_client
from tests.contract.node_client import NodeClient, node_client
from tests.contract.places import OTHER_PROJECT, PROJECT, projects
from tests.contract.raw import Signed
from tests.contract.shop import Shop, shop_projects
from tests.support.service import Cluster, Key, RunningService, Site, configuration, running_cluster
from vacate.demo import cluster as demo
from vacate.demo.servers import find_installations
from vacate.domain.access.identity import Role

PASSWORD = "correct horse, battery: staple é"  # noqa: S105 - the tests' own


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """A key of every role in the project, and one of another project's operator. The operator has a password too."""

    operator: Key
    viewer: Key
    admin: Key
    other: Key
    password: str = field(default=PASSWORD, repr=False)


@pytest.fixture(scope="session", autouse=True)
def clean_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """The official client keeps a file in the home folder, and listens to the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("NO_PROXY", "127.0.0.1")
        for name in ("AK", "SK", "PROJECT_ID", "SECURITY_TOKEN", "IAM_ENDPOINT", "CREDENTIALS_FILE"):
            patch.delenv(f"HUAWEICLOUD_SDK_{name}", raising=False)
        yield


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture(scope="session")
def site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"), configuration(projects(cluster)))


@pytest.fixture(scope="session")
def users(site: Site) -> Users:
    def add(name: str, project: str, role: Role, password: str | None = None) -> Key:
        return site.add_user(name, project_id=project, role=role, password=password)

    # The first command makes the tables; the others may then run side by side.
    operator = add("olga", PROJECT, Role.OPERATOR, PASSWORD)
    with ThreadPoolExecutor(max_workers=2) as pool:
        viewer = pool.submit(add, "vera", PROJECT, Role.VIEWER)
        admin = pool.submit(add, "adam", PROJECT, Role.ADMIN)
        other = pool.submit(add, "otto", OTHER_PROJECT, Role.OPERATOR)
        return Users(operator=operator, viewer=viewer.result(), admin=admin.result(), other=other.result())


@pytest.fixture(scope="session")
def service(site: Site, users: Users) -> Generator[RunningService]:
    del users  # They are made before the service runs, as an administrator would.
    with site.serving() as running:
        yield running


@pytest.fixture
def operator(service: RunningService, users: Users) -> Generator[Official]:
    with official_client(service.endpoint, users.operator) as client:
        yield client


@pytest.fixture
def signed(service: RunningService, users: Users) -> Signed:
    return Signed(service=service, key=users.operator)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shop]:
    installation = find_installations()[0]
    with demo.running_cluster(tmp_path_factory.mktemp("shop-servers"), installation) as cluster:
        coordinator = cluster.component(the_shop.COORDINATOR).server
        # More sessions than the vendor's own list would show.
        coordinator.settings["max_connections"] = "300"
        coordinator.restart()
        text = configuration(shop_projects(cluster), regions=(the_shop.REGION, the_shop.OTHER_REGION))
        site = Site(tmp_path_factory.mktemp("shop"), text)
        operator = site.add_user("olga", project_id=the_shop.PROJECT, role=Role.OPERATOR, password=PASSWORD)
        viewer = site.add_user("vera", project_id=the_shop.PROJECT, role=Role.VIEWER)
        with site.serving() as service:
            yield Shop(cluster=cluster, site=site, service=service, operator=operator, viewer=viewer, password=PASSWORD)


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Generator[NodeClient]:
    with node_client(tmp_path_factory.mktemp("node")) as client:
        yield client
