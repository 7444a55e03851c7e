"""A written configuration loads as what it was made of, is its owner's alone, and never takes another file's place."""

import os
import stat
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vacate.domain.discovery.assembly import Discovered, FoundServer
from vacate.domain.errors import SettingsError
from vacate.domain.topology.components import (
    Component,
    ComponentId,
    ComponentKind,
    ComponentRole,
    Instance,
    InstanceId,
    Node,
    NodeId,
    ProjectId,
)
from vacate.domain.topology.dsn import Address
from vacate.domain.topology.servers import Engine
from vacate.settings import writing
from vacate.settings.loading import load_settings
from vacate.settings.writing import ProjectNames, check, configuration, toml_string, write_new

PROJECT = ProjectId("a1" * 16)
INSTANCE = InstanceId("c3" * 18)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = ProjectNames(name="production")


def found(*, name: str = "shop", password: str = "p", region: str = "", node: str = "db1") -> Discovered:  # noqa: S107
    """A coordinator and a data node with its standby, on two nodes."""

    def server(component_id: str, on: int, port: int, role: ComponentRole = ComponentRole.PRIMARY) -> FoundServer:
        kind = ComponentKind.COORDINATOR if component_id.startswith("cn") else ComponentKind.DATA_NODE
        address = Address(host=f"db{on}", port=port)
        return FoundServer(
            component=Component(
                project_id=PROJECT,
                instance_id=INSTANCE,
                node_id=NodeId(f"{on}" * 36),
                id=ComponentId(component_id),
                kind=kind,
                role=role,
                shard="" if kind is ComponentKind.COORDINATOR else "6001",
            ),
            dsn=f"gaussdb://vacate:{quote(password, safe='')}@{address}/postgres",
            address=address,
            engine=Engine.GAUSSDB,
            version="505.2.1",
        )

    servers = (
        server("cn_5001", 1, 8000),
        server("dn_6001", 1, 40000),
        server("dn_6002", 2, 40000, ComponentRole.STANDBY),
    )
    instance = Instance(
        project_id=PROJECT,
        id=INSTANCE,
        name=name,
        components=tuple(each.component for each in servers),
        nodes=(
            Node(id=NodeId("1" * 36), name=node, address="db1"),
            Node(id=NodeId("2" * 36), name="db2", address="db2"),
        ),
        region=region,
        port=8000,
    )
    return Discovered(instance=instance, servers=servers)


@given(TEXTS)
def test_any_text_is_read_as_it_was_written(text: str) -> None:
    assert msgspec.toml.decode(f"a = {toml_string(text)}\n") == {"a": text}
    assert "\n" not in toml_string(text)


def test_bytes_that_nobody_could_read_are_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be written as text"):
        toml_string("\udcff")


@given(name=TEXTS, password=TEXTS, project=TEXTS, node=TEXTS.filter(bool), region=st.sampled_from(["", "eu-west"]))
def test_a_configuration_loads_as_what_was_found(
    name: str, password: str, project: str, node: str, region: str
) -> None:
    discovered = found(name=name, password=password, region=region, node=node)
    check(configuration(discovered, ProjectNames(name=project)), discovered)


def test_every_value_arrives(tmp_path: Path) -> None:
    discovered = found(name='the "shop" \\ 1', password='"\\#@', region="eu-west")  # noqa: S106 - with all that needs care.
    target = tmp_path / "vacate.toml"
    write_new(configuration(discovered, replace(NAMES, domain="shops")), target, discovered)
    settings = load_settings(target)
    assert settings.servers() == {each.component: each.dsn for each in discovered.servers}
    assert [configured.instance for configured in settings.configured_instances()] == [discovered.instance]
    (project,) = settings.projects
    assert (project.id, project.name, project.domain, project.region) == (PROJECT, "production", "shops", "eu-west")
    assert [region.id for region in settings.regions] == ["eu-west"]
    assert settings.store.secret_key_file == tmp_path / "vacate.key"


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    target = tmp_path / "vacate.toml"
    before = os.umask(0)
    try:
        write_new(configuration(found(), NAMES), target, found())
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    target = tmp_path / "vacate.toml"
    target.write_text("mine")
    with pytest.raises(SettingsError, match="exists already"):
        write_new(configuration(found(), NAMES), target, found())
    assert target.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_comes_in_between_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "vacate.toml"

    def loading(path: Path) -> object:
        target.write_text("theirs")
        return load_settings(path)

    monkeypatch.setattr(writing, "load_settings", loading)
    with pytest.raises(SettingsError, match="exists already"):
        write_new(configuration(found(), NAMES), target, found())
    assert target.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_that_leads_nowhere_is_in_the_way_too(tmp_path: Path) -> None:
    target = tmp_path / "vacate.toml"
    target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="exists already"):
        write_new(configuration(found(), NAMES), target, found())
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file or directory"):
        write_new(configuration(found(), NAMES), tmp_path / "absent" / "vacate.toml", found())


@pytest.mark.parametrize("spoilt", ["dn_6002", "db2:40000", "shop"])
def test_a_text_that_means_something_else_is_not_written(tmp_path: Path, spoilt: str) -> None:
    text = configuration(found(), NAMES).replace(spoilt, {"dn_6002": "dn_6003"}.get(spoilt, f"{spoilt}0"))
    with pytest.raises(SettingsError, match="does not mean what was found"):
        write_new(text, tmp_path / "vacate.toml", found())
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_does_not_load_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        write_new("[nonsense]", tmp_path / "vacate.toml", found())
    assert list(tmp_path.iterdir()) == []
