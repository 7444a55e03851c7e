"""Finds what the shape of the configuration alone cannot say: every mistake, with its place and what to write."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from vacate.domain.durations import duration
from vacate.domain.errors import CriteriaError, SettingsError
from vacate.domain.topology.dsn import DsnInvalidError, check_form
from vacate.operations.wanted import (
    CriteriaShape,
    NetworksShape,
    SelectionShape,
    read_criteria,
    read_names,
    read_networks,
)
from vacate.settings.file import (
    InstanceSection,
    PlansSection,
    Section,
    Settings,
    SweepSection,
    WatchSection,
    WebhookSection,
)
from vacate.settings.listening import health_address
from vacate.webhooks.endpoints import check_url

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
# Whoever takes longer should accept at once, and work afterwards.
_LONGEST_ATTEMPT = timedelta(minutes=1)

_Read = Callable[[tuple[Any, ...]], object]


def mistakes_in(settings: Settings) -> Iterator[str]:
    """Every mistake in settings whose shape is right, each with its place and without any secret."""
    yield from _unique("projects.id", [p.id for p in settings.projects])
    yield from _unique("projects.name", [p.name for p in settings.projects])
    for project in settings.projects:
        yield from _unique(f"instances of project {project.name}", [i.id for i in project.instances])
        for instance in project.instances:
            yield from _in_instance(instance)
    yield from _in_regions(settings)
    if (settings.service.tls_certificate is None) != (settings.service.tls_key is None):
        yield "service.tls_certificate and service.tls_key go together; one of them is missing"
    yield from said(partial(health_address, settings.service))
    yield from _in_durations("sweep", settings.sweep, SweepSection.__struct_fields__)
    yield from _in_durations("watch", settings.watch, WatchSection.__struct_fields__)
    yield from _in_durations("plans", settings.plans, PlansSection.__struct_fields__)
    yield from _in_durations("access", settings.access, ("lockout_for",))
    yield from _in_durations("connections", settings.connections, ("handshake_within", "read_within", "stop_within"))
    for text in settings.connections.trusted:
        try:
            ip_network(text)
        except ValueError as error:
            yield f"connections.trusted: {error}; write a network such as 10.0.0.0/8"
    yield from _in_durations("audit", settings.audit, ("keep",) if settings.audit.keep else ())
    yield from _unique("webhooks.name", [webhook.name for webhook in settings.webhooks])
    for webhook in settings.webhooks:
        yield from _in_webhook(webhook)


def said(check: Callable[[], object]) -> list[str]:
    """What a check refuses, in its words; nothing when it is content."""
    try:
        check()
    except (SettingsError, CriteriaError, DsnInvalidError) as error:
        return [str(error)]
    return []


def _in_instance(instance: InstanceSection) -> Iterator[str]:
    components = [component for node in instance.nodes for component in node.components]
    where = f"instance {instance.name}"
    yield from _unique(f"nodes of {where}", [n.id for n in instance.nodes])
    yield from _unique(f"components of {where}", [c.id for c in components])
    for component in components:
        yield from said(partial(check_form, component.dsn, f"dsn of component {component.id} of {where}"))
    yield from _in_criteria(instance.criteria, f"{where}: criteria")
    guards, place = instance.guards, f"{where}: guards"
    for key, what in (("users", "user"), ("applications", "application"), ("databases", "database")):
        read: _Read = partial(read_names, place=f"{place}.{key}", what=what)
        yield from _in_list(read, getattr(guards, key), "x")
    yield from _in_list(partial(read_networks, place=f"{place}.clients"), guards.clients, "10.0.0.1")


def _in_criteria(criteria: CriteriaShape, place: str) -> list[str]:
    found: list[str] = []
    for key in ("users", "databases", "applications", "statements", "clients"):
        chosen: SelectionShape | NetworksShape = getattr(criteria, key)
        harmless = "10.0.0.1" if key == "clients" else "x"
        for which in ("include", "exclude"):
            entries = getattr(chosen, which)
            read = partial(_read_chosen, key=key, of=type(chosen), which=which, place=place)
            found += _in_list(read, entries or (), harmless)
    for state, time in criteria.states.items():
        found += said(partial(read_criteria, CriteriaShape(states={state: time}), place))
    # What is wrong with the whole alone is not seen in its parts.
    return found or said(partial(read_criteria, criteria, place))


def _read_chosen(part: tuple[Any, ...], *, key: str, of: type[Any], which: str, place: str) -> object:
    """Read criteria of which nothing but a part of one list is written."""
    return read_criteria(CriteriaShape(**{key: of(**{which: part})}), place)


def _in_list(read: _Read, entries: tuple[Any, ...], harmless: str) -> list[str]:
    """What is wrong with each entry, in its place in the list, and else with the list as a whole."""
    each = ((*([harmless] * number), entry) for number, entry in enumerate(entries))
    return [words for part in each for words in said(partial(read, part))] or said(partial(read, entries))


def _in_durations(table: str, section: Section, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        place, text = f"{table}.{name}", getattr(section, name)
        if wrong := said(partial(duration, text, place)):
            yield from wrong
        elif not duration(text, place) and name in _NEVER_ZERO:
            yield f"{place}: it must be longer than nothing"


def _in_webhook(webhook: WebhookSection) -> Iterator[str]:
    """Secrets are looked for when they are needed."""
    place = f"webhook {webhook.name}"
    yield from said(partial(check_url, webhook.url, f"{place}: url", allow_plain=webhook.allow_plain))
    if bool(webhook.secret_env) == (webhook.secret_file is not None):
        yield f"{place}: name its secret by either secret_env or secret_file"
    if wrong := said(partial(duration, webhook.timeout, f"{place}: timeout")):
        yield from wrong
    elif not timedelta(0) < duration(webhook.timeout, place) <= _LONGEST_ATTEMPT:
        yield f"{place}: timeout: it must be longer than nothing and at most 1min"


def _in_regions(settings: Settings) -> Iterator[str]:
    """What would leave a client that only knows its region without its project, or with another region's."""
    ids = [region.id for region in settings.regions]
    yield from _unique("regions.id", ids)
    yield from _in_endpoint("service.endpoint", settings.service.endpoint)
    for region in settings.regions:
        yield from _in_endpoint(f"endpoint of region {region.id}", region.endpoint)
    for project in settings.projects:
        place = f"region of project {project.name}"
        if project.region is not None and project.region not in ids:
            yield f"{place}: there is no region {project.region!r}; add it as [[regions]]"
        if project.name in ids and project.region not in {None, project.name}:
            yield (
                f"{place}: clients that only know the region {project.name!r} look for a project of that name, and "
                f"would get one of the region {project.region!r}; rename the project, or leave its region out"
            )


def _in_endpoint(place: str, url: str) -> Iterator[str]:
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
        yield f"{place}: {url!r} is no address like https://vacate.example.net:8686 without a path"


def _unique(place: str, ids: list[str]) -> Iterator[str]:
    for twice in sorted({i for i in ids if ids.count(i) > 1}):
        yield f"{place}: {twice!r} is there twice"
