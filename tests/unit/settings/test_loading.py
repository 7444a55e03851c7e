"""The configuration file: what it says is understood, and every mistake in it is named with its place."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from msgspec.inspect import Metadata, StrType, StructType, Type, UnionType, VarTupleType
from msgspec.inspect import type_info as shape_of

from vacate.domain.errors import SettingsError, SettingsMistakesError
from vacate.domain.judging.criteria import Criteria, Selection, StateThreshold
from vacate.domain.judging.settings import GuardName, GuardSettings
from vacate.domain.topology.components import Component, ComponentKind, ComponentRole, Labels, ProjectId
from vacate.operations.access.ports import Project, Region
from vacate.operations.patterns import glob, regex
from vacate.settings.decoding import in_words_of_pattern
from vacate.settings.file import AccessSection, Settings
from vacate.settings.loading import load_settings

P1, P2 = "a1" * 16, "b2" * 16
I1, I2 = "c3" * 18, "d4" * 18
N1, N2 = "e5" * 18, "f6" * 18

FULL = f"""
[service]
host = "0.0.0.0"
port = 9443
tls_certificate = "tls/vacate.crt"
tls_key = "tls/vacate.key"
log_level = "warning"
endpoint = "https://vacate.example.net:9443"

[access]
lockout = true
lockout_after = 7
lockout_for = "90s"
requests_per_second = 50
sign_ins_per_second = 3

[store]
url = "sqlite:///state/vacate.db"
secret_key_file = "vacate.key"

[sweep]
connect_timeout = "3s"
statement_timeout = "8s"
signal_for = "1min"
confirm_for = "2500ms"
busy_after = "20"
check_every = "30s"

[watch]
slow_statement = "2s"
answer_within = "4s"

[[regions]]
id = "eu-central"

[[regions]]
id = "eu-west"
name = "Europe, west"
endpoint = "https://west.example.net/"

[[projects]]
id = "{P1}"
name = "eu-west"
domain = "shops"

[[projects.instances]]
id = "{I1}"
name = "shop"

[projects.instances.labels]
vpc_id = "vpc-1"
subnet_id = "subnet-1"
charge_mode = "prePaid"
tags = {{ team = "payments", tier = "gold" }}

[projects.instances.criteria]
states = {{ idle = "15min", "idle in transaction" = "1h" }}
users.exclude = ["anna", "bert"]
databases.include = ["shop"]
applications = {{ include = ["web"], exclude = ["web-admin"] }}

[projects.instances.guards]
users = ["backup", {{ glob = "etl_*" }}]
databases = [{{ regex = "^ware" }}]
clients = ["10.0.0.5", "10.1.0.0/16"]
applications = ["pg_cron", "pgbouncer"]
off = ["superuser", "listener"]

[[projects.instances.nodes]]
id = "{N1}"

[[projects.instances.nodes.components]]
id = "cn_5001"
kind = "CN"
role = "primary"
dsn = "postgresql://vacate@db1:5432/postgres?sslmode=verify-full"

[[projects.instances.nodes.components]]
id = "dn_6001"
kind = "DN"
role = "primary"
dsn = "postgresql://vacate@db1:5433/postgres"

[[projects.instances.nodes]]
id = "{N2}"
name = "rack two"
availability_zone = "az2"

[[projects.instances.nodes.components]]
id = "dn_6002"
kind = "DN"
role = "standby"
dsn = "postgresql://vacate@db2:5433/postgres"
shard = "60011"

[[projects.instances]]
id = "{I2}"
name = "plain"
nodes = []

[[projects]]
id = "{P2}"
name = "eu-east"
region = "eu-central"
"""

Load = Callable[[str], Settings]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VACATE_HOST", "VACATE_PORT", "VACATE_STORE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vacate.toml"


@pytest.fixture
def load(path: Path) -> Load:
    def write_and_load(text: str) -> Settings:
        path.write_text(text, encoding="utf-8")
        return load_settings(path)

    return write_and_load


def changed(old: str, new: str) -> str:
    """The full example with one thing different."""
    assert FULL.count(old) == 1, f"{old!r} must be there once"
    return FULL.replace(old, new)


# --- a full example --------------------------------------------------------------------------------------------------


def test_the_services_own_tables_are_read(load: Load, path: Path) -> None:
    settings = load(FULL)
    assert (settings.service.host, settings.service.port) == ("0.0.0.0", 9443)  # noqa: S104 - as the example says.
    assert settings.service.log_level == "warning"
    assert settings.service.tls_certificate == path.parent / "tls/vacate.crt"
    assert settings.service.tls_key == path.parent / "tls/vacate.key"
    assert settings.store.url == f"sqlite:///{path.parent}/state/vacate.db"
    assert settings.store.secret_key_file == path.parent / "vacate.key"
    assert settings.sweep.signal_for == "1min"
    assert settings.sweep.confirm_for == "2500ms"
    assert settings.sweep.busy_after == "20"


def test_what_somebody_may_try_is_read(load: Load) -> None:
    access = load(FULL).access
    assert (access.lockout, access.lockout_after, access.lockout_for) == (True, 7, "90s")
    assert (access.requests_per_second, access.sign_ins_per_second) == (50, 3)
    assert load("").access == AccessSection()
    assert not load("[access]\nlockout = false\n").access.lockout


def test_how_sessions_are_listed_is_read(load: Load) -> None:
    watch = load(FULL).watch
    assert (watch.slow_statement, watch.answer_within) == ("2s", "4s")
    assert load('[watch]\nslow_statement = "0s"\n').watch.slow_statement == "0s"


def test_regions_and_projects_are_told_in_the_order_of_the_file(load: Load) -> None:
    settings = load(FULL)
    assert settings.service.endpoint == "https://vacate.example.net:9443"
    assert settings.known_regions() == (
        Region(id="eu-central"),
        Region(id="eu-west", name="Europe, west", endpoint="https://west.example.net"),
    )
    assert settings.known_projects() == (
        Project(id=ProjectId(P1), name="eu-west", domain="shops", region="eu-west"),
        Project(id=ProjectId(P2), name="eu-east", domain="default", region="eu-central"),
    )


@pytest.mark.parametrize(
    ("name", "regions", "region"),
    [
        ("shop", ["a", "b"], "a"),
        ("b", ["a", "b"], "b"),
        ("a", [], ""),
        ("shop", [], ""),
    ],
)
def test_a_project_without_a_region_is_in_the_one_of_its_name_or_in_the_first(
    load: Load, name: str, regions: list[str], region: str
) -> None:
    listed = "".join(f'[[regions]]\nid = "{id_}"\n' for id_ in regions)
    instance = f'[[projects.instances]]\nid = "{I1}"\nname = "i"\nnodes = []\n'
    settings = load(f'{listed}[[projects]]\nid = "{P1}"\nname = "{name}"\n{instance}')
    assert [project.region for project in settings.known_projects()] == [region]
    assert [configured.instance.region for configured in settings.configured_instances()] == [region]


def test_an_instance_knows_its_nodes_its_port_and_what_its_owner_says_of_it(load: Load) -> None:
    shop, plain = (configured.instance for configured in load(FULL).configured_instances())
    assert [(node.id, node.name, node.availability_zone, node.address) for node in shop.nodes] == [
        (N1, N1, "", "db1"),
        (N2, "rack two", "az2", "db2"),
    ]
    assert (shop.region, shop.port) == ("eu-west", 5432)
    assert shop.labels == Labels(
        vpc_id="vpc-1",
        subnet_id="subnet-1",
        charge_mode="prePaid",
        tags=(("team", "payments"), ("tier", "gold")),
    )
    assert [component.shard for component in shop.components] == ["", "", "60011"]
    assert (plain.nodes, plain.port, plain.labels) == ((), 0, Labels())


@pytest.mark.parametrize(
    ("dsn", "address", "port"),
    [
        ("postgresql://vacate@db1/postgres", "db1", 0),
        ("postgresql://vacate@[::1]:5432/postgres", "::1", 5432),
        ("postgresql://vacate@a:1,b:2/postgres", "", 0),
    ],
)
def test_where_a_node_is_is_taken_from_its_first_components_dsn(load: Load, dsn: str, address: str, port: int) -> None:
    component = f'{{ id = "dn_6001", kind = "DN", role = "primary", dsn = "{dsn}" }}'
    nodes = f'nodes = [{{ id = "{N1}", components = [{component}] }}]'
    head = f'[[projects]]\nid = "{P1}"\nname = "p"\n[[projects.instances]]\nid = "{I1}"\nname = "i"\n'
    (configured,) = load(head + nodes).configured_instances()
    assert (configured.instance.nodes[0].address, configured.instance.port) == (address, port)


def test_projects_are_known_by_name(load: Load) -> None:
    assert load(FULL).project_ids() == {"eu-west": P1, "eu-east": P2}


def test_instances_are_put_in_the_domains_own_words(load: Load) -> None:
    shop, plain = load(FULL).configured_instances()
    assert (shop.instance.project_id, shop.instance.id, shop.instance.name) == (P1, I1, "shop")
    assert shop.criteria == Criteria(
        states=(
            StateThreshold(state="idle", at_least=timedelta(minutes=15)),
            StateThreshold(state="idle in transaction", at_least=timedelta(hours=1)),
        ),
        users=Selection(exclude=("anna", "bert")),
        databases=Selection(include=("shop",)),
        applications=Selection(include=("web",), exclude=("web-admin",)),
    )
    assert shop.guards == GuardSettings(
        users=frozenset({"backup", glob("etl_*", "here")}),
        applications=frozenset({"pg_cron", "pgbouncer"}),
        databases=frozenset({regex("^ware", "here")}),
        clients=frozenset({ip_network("10.0.0.5"), ip_network("10.1.0.0/16")}),
        off=frozenset({GuardName.SUPERUSER, GuardName.LISTENER}),
    )
    assert (plain.criteria, plain.guards) == (Criteria(), GuardSettings())


def test_components_know_where_they_are(load: Load) -> None:
    settings = load(FULL)
    shop, plain = settings.configured_instances()
    where = [(c.node_id, c.id, c.kind, c.role) for c in shop.instance.components]
    assert where == [
        (N1, "cn_5001", ComponentKind.COORDINATOR, ComponentRole.PRIMARY),
        (N1, "dn_6001", ComponentKind.DATA_NODE, ComponentRole.PRIMARY),
        (N2, "dn_6002", ComponentKind.DATA_NODE, ComponentRole.STANDBY),
    ]
    assert {(c.project_id, c.instance_id) for c in shop.instance.components} == {(P1, I1)}
    assert plain.instance.components == ()


def test_every_component_has_the_dsn_that_stands_beside_it(load: Load) -> None:
    settings = load(FULL)
    components: tuple[Component, ...] = settings.configured_instances()[0].instance.components
    assert settings.servers() == {
        components[0]: "postgresql://vacate@db1:5432/postgres?sslmode=verify-full",
        components[1]: "postgresql://vacate@db1:5433/postgres",
        components[2]: "postgresql://vacate@db2:5433/postgres",
    }


def test_an_empty_file_is_a_service_without_projects(load: Load, path: Path) -> None:
    settings = load("")
    assert (settings.service.host, settings.service.port) == ("127.0.0.1", 8686)
    assert settings.service.tls_certificate is settings.service.tls_key is None
    assert settings.store.url == f"sqlite:///{path.parent}/vacate.db"
    assert settings.configured_instances() == ()
    assert settings.servers() == {}


# --- what selects nobody ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["users", "databases", "applications"])
def test_an_empty_include_stays_empty_and_a_missing_one_stays_missing(load: Load, what: str) -> None:
    head = f'[[projects]]\nid = "{P1}"\nname = "p"\n[[projects.instances]]\nid = "{I1}"\nname = "i"\nnodes = []\n'
    (empty,) = load(f"{head}[projects.instances.criteria]\n{what}.include = []\n").configured_instances()
    (missing,) = load(f"{head}[projects.instances.criteria]\n{what} = {{}}\n").configured_instances()
    assert getattr(empty.criteria, what) == Selection(include=())
    assert getattr(empty.criteria, what).include == ()
    assert getattr(missing.criteria, what) == Selection(include=None)


# --- mistakes --------------------------------------------------------------------------------------------------------

MISTAKES = [
    pytest.param('host = "0.0.0.0"', 'hots = "0.0.0.0"', ["hots", "service"], id="unknown_key"),
    pytest.param("[service]", "[servcie]", ["servcie"], id="unknown_table"),
    pytest.param('users = ["backup", ', 'user = ["backup", ', ["user", "instances[0].guards"], id="unknown_guard_key"),
    pytest.param('include = ["web"]', 'inlcude = ["web"]', ["inlcude", "criteria.applications"], id="unknown_list"),
    pytest.param("port = 9443", "port = 65536", ["service.port"], id="port_too_high"),
    pytest.param("port = 9443", "port = -1", ["service.port"], id="port_below_zero"),
    pytest.param("port = 9443", 'port = "9443"', ["service.port", "a whole number"], id="port_as_text"),
    pytest.param('log_level = "warning"', 'log_level = "loud"', ["service.log_level", "loud"], id="log_level"),
    pytest.param('log_level = "warning"', 'log_format = "xml"', ["service.log_format", "xml"], id="log_format"),
    pytest.param('"tls/vacate.crt"', "7", ["path", "service.tls_certificate"], id="path_as_number"),
    pytest.param('"vacate.key"', '""', ["path", "store.secret_key_file"], id="empty_path"),
    pytest.param(f'id = "{P2}"', f'id = "{P2}0"', ["projects[1].id"], id="project_id_too_long"),
    pytest.param(f'id = "{P2}"', 'id = "ffff-0000"', ["projects[1].id"], id="project_id_of_other_letters"),
    pytest.param(f'id = "{I2}"', 'id = ""', ["projects[0].instances[1].id"], id="instance_id"),
    pytest.param(f'id = "{N2}"', f'id = "{N2[1:]}"', ["instances[0].nodes[1].id"], id="node_id"),
    pytest.param('id = "dn_6002"', 'id = "dn 6002"', ["nodes[1].components[0].id"], id="component_id"),
    pytest.param('kind = "CN"', 'kind = "cn"', ["nodes[0].components[0].kind", "cn"], id="kind"),
    pytest.param('role = "standby"', 'role = "replica"', ["nodes[1].components[0].role"], id="role"),
    pytest.param('name = "shop"\n', "", ["name", "projects[0].instances[0]"], id="missing_name"),
    pytest.param('dsn = "postgresql://vacate@db2:5433/postgres"', "", ["dsn", "components[0]"], id="missing_dsn"),
    pytest.param('["superuser", "listener"]', '["superuser", "listeners"]', ["guards.off[1]", "listeners"], id="guard"),
    pytest.param('["superuser", "listener"]', '"superuser"', ["guards.off"], id="guards_as_text"),
    pytest.param('databases.include = ["shop"]', 'databases.include = "shop"', ["databases.include"], id="include"),
    pytest.param('"15min"', '"15m"', ["instance shop: criteria.states.idle: '15m' is no duration"], id="threshold"),
    pytest.param('"15min"', "15", ["criteria.states", "a text in quotes"], id="threshold_as_number"),
    pytest.param(
        'states = { idle = "15min", "idle in transaction" = "1h" }',
        'min_idle = "15min"',
        ["min_idle", "instances[0].criteria", 'write states = { idle = "15min" } instead'],
        id="the_key_that_there_once_was",
    ),
    pytest.param("idle = ", "active = ", ["instance shop: criteria.states", "'active'", "at work"], id="busy_state"),
    pytest.param(
        'include = ["web"]',
        'include = ["api", { regex = "(web" }]',
        ["instance shop: criteria.applications.include[1].regex", "missing )"],
        id="regex",
    ),
    pytest.param('"1min"', '"a minute"', ["sweep.signal_for", "'a minute' is no duration"], id="sweep_duration"),
    pytest.param('"30s"', '"0s"', ["sweep.check_every"], id="no_pause_between_checks"),
    pytest.param("[watch]", '[watch]\ncensus_every = "0s"', ["watch.census_every"], id="no_pause_between_censuses"),
    pytest.param('"3s"', '"0"', ["sweep.connect_timeout"], id="no_time_to_connect"),
    pytest.param('"8s"', '"0ms"', ["sweep.statement_timeout"], id="no_time_to_answer"),
    pytest.param('tls_key = "tls/vacate.key"', "", ["tls_certificate", "tls_key"], id="certificate_without_key"),
    pytest.param('tls_certificate = "tls/vacate.crt"', "", ["tls_key"], id="key_without_certificate"),
    pytest.param(P2, P1, ["projects.id", P1, "twice"], id="two_projects_of_one_id"),
    pytest.param('"eu-east"', '"eu-west"', ["projects.name", "eu-west", "twice"], id="two_projects_of_one_name"),
    pytest.param(I2, I1, ["project eu-west", I1, "twice"], id="two_instances_of_one_id"),
    pytest.param(N2, N1, ["instance shop", N1, "twice"], id="two_nodes_of_one_id"),
    pytest.param('"dn_6002"', '"dn_6001"', ["instance shop", "dn_6001", "twice"], id="component_on_two_nodes"),
    pytest.param('"dn_6001"', '"cn_5001"', ["instance shop", "cn_5001", "twice"], id="component_twice_on_a_node"),
    pytest.param('"https://vacate.example.net:9443"', '"vacate.example.net"', ["service.endpoint"], id="no_scheme"),
    pytest.param('"https://west.example.net/"', '"ftp://west"', ["endpoint of region eu-west"], id="other_scheme"),
    pytest.param('"https://west.example.net/"', '"https://west/v3"', ["endpoint of region", "path"], id="with_a_path"),
    pytest.param('"https://west.example.net/"', '"https://w:99999"', ["endpoint of region eu-west"], id="no_port"),
    pytest.param('"https://west.example.net/"', '"https://me@west"', ["endpoint of region eu-west"], id="with_a_user"),
    pytest.param('"https://west.example.net/"', '"https://[west"', ["endpoint of region eu-west"], id="no_host"),
    pytest.param('"https://west.example.net/"', '"https://we st"', ["endpoint of region eu-west"], id="with_a_gap"),
    pytest.param('id = "eu-central"', 'id = "eu-west"', ["regions.id", "eu-west", "twice"], id="a_region_twice"),
    pytest.param('id = "eu-central"', 'id = "eu central"', ["regions[0].id"], id="region_id"),
    pytest.param('region = "eu-central"', 'region = "mars"', ["project eu-east", "'mars'", "[[regions]]"], id="region"),
    pytest.param(
        'domain = "shops"', 'region = "eu-central"', ["project eu-west", "rename the project"], id="another_region"
    ),
    pytest.param('domain = "shops"', 'domain = ""', ["projects[0].domain"], id="no_domain"),
    pytest.param("lockout_after = 7", "lockout_after = 0", ["access.lockout_after"], id="no_failure_allowed"),
    pytest.param('"90s"', '"soon"', ["access.lockout_for", "'soon' is no duration"], id="lockout_duration"),
    pytest.param('"90s"', '"0"', ["access.lockout_for", "longer than nothing"], id="no_lock_at_all"),
    pytest.param("requests_per_second = 50", "requests_per_second = -1", ["requests_per_second"], id="rate"),
    pytest.param('"2s"', '"2 seconds"', ["watch.slow_statement"], id="watch_duration"),
    pytest.param('"4s"', '"0s"', ["watch.answer_within"], id="no_time_to_list"),
    pytest.param('"prePaid"', '"free"', ["labels.charge_mode"], id="charge_mode"),
    pytest.param('shard = "60011"', 'shard = "one"', ["components[0].shard"], id="shard"),
    pytest.param("port = 9443", "port = ", ["line 4"], id="no_toml"),
    pytest.param("port = 9443", "port = 9443\nport = 9444", ["line 5"], id="a_key_twice"),
]


@pytest.mark.parametrize(("old", "new", "places"), MISTAKES)
def test_a_mistake_is_named_with_its_file_and_its_place(
    load: Load, path: Path, old: str, new: str, places: list[str]
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(changed(old, new))
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    for place in places:
        assert place in message


def test_a_dsn_that_is_wrong_does_not_bring_the_others_passwords_to_light(load: Load) -> None:
    with pytest.raises(SettingsError) as refused:
        load(changed('"postgresql://vacate@db2:5433/postgres"', "5433").replace("vacate@db1", "vacate:geheim@db1"))
    assert "dsn" in str(refused.value)
    assert "geheim" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no configuration .*config example --output") as refused:
        load_settings(path)
    assert str(path) in str(refused.value)


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the configuration"):
        load_settings(tmp_path)


def test_a_file_that_is_no_text_is_named(path: Path) -> None:
    path.write_bytes(b'[service]\nhost = "\xff\xfe"\n')
    with pytest.raises(SettingsError, match="utf-8") as refused:
        load_settings(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_two_instances_may_each_have_a_component_of_the_same_id(load: Load) -> None:
    coordinator = '{ id = "cn_5001", kind = "CN", role = "primary", dsn = "postgresql://d" }'
    node = f'[{{ id = "{N1}", components = [{coordinator}] }}]'
    servers = load(changed("nodes = []", f"nodes = {node}")).servers()
    assert {(c.instance_id, dsn) for c, dsn in servers.items() if c.id == "cn_5001"} == {
        (I1, "postgresql://vacate@db1:5432/postgres?sslmode=verify-full"),
        (I2, "postgresql://d"),
    }


def test_two_projects_may_each_have_an_instance_of_the_same_id(load: Load) -> None:
    again = f'\n[[projects.instances]]\nid = "{I1}"\nname = "other"\nnodes = []\n'
    assert len(load(FULL + again).configured_instances()) == 3


# --- the environment and paths ---------------------------------------------------------------------------------------


def test_the_environment_wins_over_the_file(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VACATE_HOST", "::1")
    monkeypatch.setenv("VACATE_PORT", "8443")
    monkeypatch.setenv("VACATE_STORE_URL", "postgresql://store/vacate")
    settings = load(FULL)
    assert (settings.service.host, settings.service.port) == ("::1", 8443)
    assert settings.store.url == "postgresql://store/vacate"
    assert settings.service.log_level == "warning"


def test_a_relative_store_in_the_environment_starts_where_the_service_was_started(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VACATE_STORE_URL", "sqlite:///elsewhere.db")
    assert load(FULL).store.url == "sqlite:///elsewhere.db"


def test_an_empty_variable_changes_nothing(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VACATE_HOST", "VACATE_PORT", "VACATE_STORE_URL"):
        monkeypatch.setenv(name, "")
    settings = load(FULL)
    assert (settings.service.host, settings.service.port) == ("0.0.0.0", 9443)  # noqa: S104 - as the example says.
    assert settings.store.url.endswith("/state/vacate.db")


@pytest.mark.parametrize("port", ["http", "-1", "65536", "8 686", "1e3", "8686.0", "99999999999999999999"])
def test_a_port_in_the_environment_that_is_none_is_named(
    load: Load, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setenv("VACATE_PORT", port)
    with pytest.raises(SettingsError, match=f"^VACATE_PORT: '{port}' is no port"):
        load(FULL)


@pytest.mark.parametrize("port", ["0", "65535"])
def test_the_lowest_and_the_highest_port_are_ports(load: Load, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("VACATE_PORT", port)
    assert load(FULL).service.port == int(port)


def test_relative_paths_start_at_the_files_own_folder(
    load: Load, path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    load(FULL)
    monkeypatch.chdir(elsewhere)
    settings = load_settings(Path("..") / path.name)
    assert settings.store.url == f"sqlite:///{path.parent}/state/vacate.db"
    assert settings.store.secret_key_file == path.parent / "vacate.key"
    assert settings.service.tls_key == path.parent / "tls/vacate.key"


def test_absolute_paths_stay_as_they_are(load: Load) -> None:
    text = (
        changed('"tls/vacate.crt"', '"/etc/vacate/tls.crt"')
        .replace('"tls/vacate.key"', '"/etc/vacate/tls.key"')
        .replace("sqlite:///state/vacate.db", "sqlite:////var/lib/vacate/vacate.db")
        .replace('secret_key_file = "vacate.key"', 'secret_key_file = "/etc/vacate/key"')
    )
    settings = load(text)
    assert settings.service.tls_certificate == Path("/etc/vacate/tls.crt")
    assert settings.service.tls_key == Path("/etc/vacate/tls.key")
    assert settings.store.url == "sqlite:////var/lib/vacate/vacate.db"
    assert settings.store.secret_key_file == Path("/etc/vacate/key")


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "postgresql://store/vacate"])
def test_a_store_that_is_no_file_has_no_path(load: Load, url: str) -> None:
    assert load(changed("sqlite:///state/vacate.db", url)).store.url == url


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('users = ["etl_*"]', "guards.users[0]: 'etl_*' is compared letter by letter; for a glob"),
        ('applications = ["web", "café"]', "guards.applications[1]: no session is ever called 'café'"),
        (f'databases = ["{"x" * 64}"]', "guards.databases[0]: no database has so long a name"),
        ('clients = ["10.0.0.*"]', "guards.clients[0]: '10.0.0.*' is no network"),
        ('users = [{ regex = "(" }]', "guards.users[0].regex"),
    ],
)
def test_a_protected_name_that_can_never_be_met_is_refused(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "vacate.toml"
    path.write_text(
        f"""
[[projects]]
id = "{"0" * 32}"
name = "production"

[[projects.instances]]
id = "{"0" * 36}"
name = "shop"
nodes = []

[projects.instances.guards]
{line}
""",
        encoding="utf-8",
    )
    with pytest.raises(SettingsError) as refused:
        load_settings(path)
    assert f"instance shop: {said}" in str(refused.value)


def test_vacates_own_users_are_those_of_its_servers_and_of_its_store(tmp_path: Path) -> None:
    path = tmp_path / "vacate.toml"
    path.write_text(
        f"""
[store]
url = "postgresql://vacate_store:secret@db:5432/vacate"

[[projects]]
id = "{"0" * 32}"
name = "production"

[[projects.instances]]
id = "{"0" * 36}"
name = "shop"

[[projects.instances.nodes]]
id = "{"1" * 36}"

[[projects.instances.nodes.components]]
id = "dn_6001"
kind = "DN"
role = "primary"
dsn = "postgresql://sess_mgr:secret@db1:5432/postgres"
""",
        encoding="utf-8",
    )
    assert load_settings(path).own_users() == {"vacate_store", "sess_mgr"}


@pytest.mark.parametrize(
    "dsn",
    ["postgres//oops", "password=geheim", "mysql://vacate:geheim@db1/x", "postgresql://", "db1"],
)
def test_a_dsn_that_no_driver_can_read_is_refused_at_the_start(load: Load, dsn: str) -> None:
    with pytest.raises(SettingsError, match="dsn of component") as refused:
        load(changed('"postgresql://vacate@db2:5433/postgres"', f'"{dsn}"'))
    assert re.search("postgresql://user:password@host:(port|5432)/database", str(refused.value))
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("dsn", "url"),
    [
        ("host=db1 port=6432 user=vacate password=geheim dbname=shop", "user:password@db1:6432/shop,"),
        ("dbname=shop host=fd00::7 sslmode=verify-full", "user:password@[fd00::7]:5432/shop?sslmode=verify-full,"),
        ("hostaddr=10.0.0.7 password='geheim host=evil'", "user:password@host:5432/database,"),
    ],
)
def test_a_dsn_of_keywords_and_values_is_refused_with_the_url_to_write(load: Load, dsn: str, url: str) -> None:
    with pytest.raises(SettingsError, match="keywords and values") as refused:
        load(changed('"postgresql://vacate@db2:5433/postgres"', f'"{dsn}"'))
    assert f"write it like postgresql://{url}" in str(refused.value)
    assert "geheim" not in str(refused.value)


# --- in words, and all of them ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('log_level = "warning"', 'log_level = "warnin"', "service.log_level: it must be one of "),
        ('log_level = "warning"', 'log_level = "warnin"', "; did you mean 'warning'?"),
        ('host = "0.0.0.0"', 'hots = "0.0.0.0"', "service.hots: there is no such key; did you mean host?"),
        ("[watch]", "[wacht]", "wacht: there is no such key; did you mean watch?"),
        (f'id = "{P2}"', 'id = "ffff-0000"', "projects[1].id: it must have exactly 32 letters and digits"),
        ('id = "dn_6002"', 'id = "six"', "components[0].id: it must begin with cn_ or dn_"),
        ("port = 9443", "port = 65536", "service.port: it must be a whole number from 0 to 65535"),
        ("port = 9443", 'port = "9443"', "service.port: it must be a whole number, and is a text in quotes"),
        ('domain = "shops"', 'domain = ""', "projects[0].domain: it must have at least 1 characters"),
        ("lockout = true", "lockout = 1", "access.lockout: it must be true or false, and is a whole number"),
        ('kind = "CN"', 'kind = "cn"', "kind: it must be one of 'CN', 'DN', and is 'cn'"),
        ('dsn = "postgresql://vacate@db2:5433/postgres"', "", "nodes[1].components[0].dsn: it is missing"),
        ('idle = "15min"', "idle = 15", "criteria.states.idle: it must be a text in quotes, and is a whole number"),
        (
            'idle = "15min"',
            'idle = "15min", "idle in transaction (aborted)" = []',
            'criteria.states."idle in transaction (aborted)": it must be a text in quotes, and is a list',
        ),
        ('team = "payments"', '"a.b" = 1', 'labels.tags."a.b": it must be a text in quotes, and is a whole number'),
    ],
)
def test_a_mistake_is_said_in_words(load: Load, old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(changed(old, new))
    (mistake,) = str(refused.value).splitlines()
    assert said in mistake
    assert not any(sign in mistake for sign in ("regex", "`", "$", "^"))


def test_every_mistake_is_said_at_once_and_none_of_them_makes_another_one(load: Load, path: Path) -> None:
    text = FULL
    for old, new in (
        ('host = "0.0.0.0"', 'hots = "0.0.0.0"'),
        ("port = 9443", 'port = "x"'),
        (f'id = "{P2}"', 'id = "short"'),
        (f'id = "{I2}"', 'id = "short"'),
        ('"dn_6001"', '"dn 6001"'),
        ('role = "standby"', 'role = "replica"'),
        ('dsn = "postgresql://vacate@db1:5433/postgres"', "dsn = 7"),
        ('"superuser", "listener"', '"superusr", "listner"'),
        ('tls_key = "tls/vacate.key"', "tls_key = 7"),
        ('"3s"', '"three"'),
        ('"1min"', '"one"'),
        ('idle = "15min"', 'idle = "soon"'),
        ('include = ["web"]', 'include = ["café", "web*", "web"]'),
        ('clients = ["10.0.0.5", ', 'clients = ["10.0.0.*", "here", '),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    with pytest.raises(SettingsMistakesError) as refused:
        load(text)
    assert str(refused.value).splitlines() == list(refused.value.mistakes)
    found = "\n".join(mistake.removeprefix(f"{path}: ") for mistake in refused.value.mistakes)
    for place in (
        "service.hots: ",
        "service.port: ",
        "service.tls_key: ",
        "projects[1].id: ",
        "projects[0].instances[1].id: ",
        "instances[0].nodes[0].components[1].id: ",
        "instances[0].nodes[0].components[1].dsn: ",
        "instances[0].nodes[1].components[0].role: ",
        "guards.off[0]: ",
        "guards.off[1]: ",
        "sweep.connect_timeout: ",
        "sweep.signal_for: ",
        "instance shop: criteria.states.idle: ",
        "instance shop: criteria.applications.include[0]: ",
        "instance shop: criteria.applications.include[1]: ",
        "instance shop: guards.clients[0]: ",
        "instance shop: guards.clients[1]: ",
    ):
        assert found.count(place) == 1, f"{place}\n{found}"
    assert len(refused.value.mistakes) == 17, found


def test_every_pattern_of_the_shapes_has_words() -> None:
    def patterns(shape: Type) -> Iterator[str]:
        match shape:
            case StrType(pattern=str() as pattern):
                yield pattern
            case StructType():
                for field in shape.fields:
                    yield from patterns(field.type)
            case Metadata():
                yield from patterns(shape.type)
            case UnionType():
                for each in shape.types:
                    yield from patterns(each)
            case VarTupleType():
                yield from patterns(shape.item_type)
            case _:
                return

    found = set(patterns(shape_of(Settings)))
    assert len(found) > 7
    for pattern in found:
        assert in_words_of_pattern(pattern), pattern
