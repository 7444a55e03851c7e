"""Reads the configuration and finds what is wrong with it."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from vacate.domain.dsn import DsnInvalidError, check_form
from vacate.domain.durations import duration
from vacate.domain.errors import SettingsError
from vacate.operations.wanted import advised
from vacate.settings.file import PlansSection, Section, Settings, SweepSection, WatchSection
from vacate.settings.webhooks import check_webhooks

# A server has no time at all to answer in zero seconds, and a pause of zero seconds is none.
_NEVER_ZERO = frozenset(
    {
        "connect_timeout",
        "gauss_connect_timeout",
        "statement_timeout",
        "check_every",
        "answer_within",
        "census_every",
        "lockout_for",
        "keep",
        "expire_after",
        "handshake_within",
        "read_within",
    }
)


def load_settings(path: Path) -> Settings:
    """Read and check a configuration file.

    `VACATE_HOST`, `VACATE_PORT` and `VACATE_STORE_URL` win over the file. Relative paths in the file are taken from
    the file's own directory.

    Raises:
        SettingsError: the file cannot be read, or something in it is wrong; the message names the place.
    """
    try:
        settings = msgspec.toml.decode(path.read_bytes(), type=Settings, dec_hook=_path)
    except FileNotFoundError as error:
        raise SettingsError(
            f"there is no configuration {path}; name one with --config or VACATE_CONFIG, or write one with "
            f"`vacate discover` or `vacate config example --output {path}`"
        ) from error
    except OSError as error:
        raise SettingsError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {advised(str(error))}") from error
    settings = _with_environment(_with_absolute_paths(settings, path.resolve().parent))
    _check(settings, path)
    return settings


def _path(kind: type, value: object) -> object:
    """TOML knows no paths: they are written as text."""
    if kind is not Path or not isinstance(value, str) or not value:
        raise ValueError(f"Expected the path of a file, got {value!r}")
    return Path(value)


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    service, store, audit = settings.service, settings.store, settings.audit
    prefix = "sqlite:///"
    if store.url.startswith(prefix) and ":memory:" not in store.url:
        url = prefix + str(base / store.url.removeprefix(prefix))
    else:
        url = store.url
    return msgspec.structs.replace(
        settings,
        service=msgspec.structs.replace(
            service,
            tls_certificate=base / service.tls_certificate if service.tls_certificate else None,
            tls_key=base / service.tls_key if service.tls_key else None,
        ),
        store=msgspec.structs.replace(
            store, url=url, secret_key_file=base / store.secret_key_file if store.secret_key_file else None
        ),
        audit=msgspec.structs.replace(audit, anchor_file=base / audit.anchor_file if audit.anchor_file else None),
        webhooks=tuple(
            msgspec.structs.replace(
                webhook,
                secret_file=base / webhook.secret_file if webhook.secret_file else None,
                ca_file=base / webhook.ca_file if webhook.ca_file else None,
            )
            for webhook in settings.webhooks
        ),
    )


def _with_environment(settings: Settings) -> Settings:
    service, store = settings.service, settings.store
    if host := os.environ.get("VACATE_HOST"):
        service = msgspec.structs.replace(service, host=host)
    if port := os.environ.get("VACATE_PORT"):
        if not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the highest port there is
            raise SettingsError(f"VACATE_PORT: {port!r} is no port")
        service = msgspec.structs.replace(service, port=int(port))
    if url := os.environ.get("VACATE_STORE_URL"):
        store = msgspec.structs.replace(store, url=url)
    return msgspec.structs.replace(settings, service=service, store=store)


def _check(settings: Settings, path: Path) -> None:
    """What the types alone cannot say."""
    _unique(path, "projects.id", [p.id for p in settings.projects])
    _unique(path, "projects.name", [p.name for p in settings.projects])
    for project in settings.projects:
        _unique(path, f"instances of project {project.name}", [i.id for i in project.instances])
        for instance in project.instances:
            _unique(path, f"nodes of instance {instance.name}", [n.id for n in instance.nodes])
            components = [c.id for n in instance.nodes for c in n.components]
            _unique(path, f"components of instance {instance.name}", components)
            for component in (c for node in instance.nodes for c in node.components):
                _check_dsn(component.dsn, f"{path}: dsn of component {component.id} of instance {instance.name}")
    _check_regions(settings, path)
    _unique(path, "webhooks.name", [webhook.name for webhook in settings.webhooks])
    if (settings.service.tls_certificate is None) != (settings.service.tls_key is None):
        raise SettingsError(f"{path}: service.tls_certificate and service.tls_key go together; one of them is missing")
    _check_durations(path, "sweep", settings.sweep, SweepSection.__struct_fields__)
    _check_durations(path, "watch", settings.watch, WatchSection.__struct_fields__)
    _check_durations(path, "plans", settings.plans, PlansSection.__struct_fields__)
    _check_durations(path, "access", settings.access, ("lockout_for",))
    _check_durations(path, "connections", settings.connections, ("handshake_within", "read_within", "stop_within"))
    check_webhooks(path, settings)
    if settings.audit.keep:
        _check_durations(path, "audit", settings.audit, ("keep",))
    try:
        settings.configured_instances()
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None


def _check_dsn(dsn: str, place: str) -> None:
    try:
        check_form(dsn, place)
    except DsnInvalidError as error:
        raise SettingsError(str(error)) from None


def _check_durations(path: Path, table: str, section: Section, names: Iterable[str]) -> None:
    for name in names:
        place = f"{path}: {table}.{name}"
        if not duration(getattr(section, name), place) and name in _NEVER_ZERO:
            raise SettingsError(f"{place}: it must be longer than nothing")


def _check_regions(settings: Settings, path: Path) -> None:
    """What would leave a client that only knows its region without its project, or with another region's."""
    ids = [region.id for region in settings.regions]
    _unique(path, "regions.id", ids)
    _check_endpoint(f"{path}: service.endpoint", settings.service.endpoint)
    for region in settings.regions:
        _check_endpoint(f"{path}: endpoint of region {region.id}", region.endpoint)
    for project in settings.projects:
        place = f"{path}: region of project {project.name}"
        if project.region is not None and project.region not in ids:
            raise SettingsError(f"{place}: there is no region {project.region!r}; add it as [[regions]]")
        if project.name in ids and project.region not in {None, project.name}:
            raise SettingsError(
                f"{place}: clients that only know the region {project.name!r} look for a project of that name, and "
                f"would get one of the region {project.region!r}; rename the project, or leave its region out"
            )


def _check_endpoint(place: str, url: str) -> None:
    """Clients drop whatever comes after host and port, so a longer address would lead them elsewhere."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        # Asking for the port is what finds one that is none.
        plain = parts.port != 0 and bool(parts.hostname) and "@" not in parts.netloc
        plain = plain and url.rstrip("/") == f"{parts.scheme}://{parts.netloc}" and " " not in url
        plain = plain and parts.scheme in {"http", "https"} and url.isprintable()
    except ValueError:
        plain = False
    if not plain:
        raise SettingsError(f"{place}: {url!r} is no address like https://vacate.example.net:8686 without a path")


def _unique(path: Path, place: str, ids: list[str]) -> None:
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise SettingsError(f"{path}: {place}: {twice[0]!r} is there twice")
