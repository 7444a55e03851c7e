"""Reads the configuration and finds what is wrong with it."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from vacate.domain.errors import SettingsError, SettingsMistakesError
from vacate.settings.checking import mistakes_in, said
from vacate.settings.decoding import decode
from vacate.settings.file import Settings
from vacate.settings.secrets import refuse_open_passwords

_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a configuration file says, and everything that is wrong with it.

    `shaped` is whether all its keys are known and hold what belongs there; else `settings` are those without the ones
    that do not, and none if nothing can be told.
    """

    settings: Settings | None
    shaped: bool
    mistakes: tuple[str, ...]
    open_to_others: tuple[str, ...]


def load_settings(path: Path) -> Settings:
    """Read and check a configuration file.

    `VACATE_HOST`, `VACATE_PORT` and `VACATE_STORE_URL` win over the file. Relative paths in the file are taken from
    the file's own directory.

    Raises:
        SettingsError: the file cannot be read, or something in it is wrong; the message names every place.
    """
    reading = read_settings(path)
    if reading.settings is None or reading.mistakes:
        raise SettingsMistakesError(reading.mistakes)
    return reading.settings


def read_settings(path: Path) -> Reading:
    """Read a configuration file as `load_settings` does, and keep what is wrong with it.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            text, found = file.read(), os.fstat(file.fileno())
    except FileNotFoundError as error:
        raise SettingsError(
            f"there is no configuration {path}; name one with --config or VACATE_CONFIG, or write one with "
            f"`vacate discover` or `vacate config example --output {path}`"
        ) from error
    except OSError as error:
        raise SettingsError(f"cannot read the configuration {path}: {error.strerror}") from error
    decoded = decode(text)
    mistakes = [f"{path}: {words}" for words in decoded.mistakes]
    settings, open_to_others = decoded.settings, list[str]()
    if settings is not None:
        open_to_others = said(partial(refuse_open_passwords, found, path, settings))
        mistakes += [f"{path}: {words}" for words in mistakes_in(settings)]
        settings = _with_absolute_paths(settings, path.resolve().parent)
        settings, wrong = _with_environment(settings)
        mistakes += wrong
    return Reading(
        settings=settings,
        shaped=settings is not None and not decoded.mistakes,
        mistakes=tuple(dict.fromkeys(mistakes)),
        open_to_others=tuple(open_to_others),
    )


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
        audit=msgspec.structs.replace(
            audit,
            anchor_file=base / audit.anchor_file if audit.anchor_file else None,
            key_file=base / audit.key_file if audit.key_file else None,
        ),
        webhooks=tuple(
            msgspec.structs.replace(
                webhook,
                secret_file=base / webhook.secret_file if webhook.secret_file else None,
                ca_file=base / webhook.ca_file if webhook.ca_file else None,
            )
            for webhook in settings.webhooks
        ),
    )


def _with_environment(settings: Settings) -> tuple[Settings, list[str]]:
    """The settings with what the environment says instead, and what is wrong there."""
    service, store, wrong = settings.service, settings.store, list[str]()
    if host := os.environ.get("VACATE_HOST"):
        service = msgspec.structs.replace(service, host=host)
    if port := os.environ.get("VACATE_PORT"):
        if port.isdecimal() and int(port) <= _HIGHEST_PORT:
            service = msgspec.structs.replace(service, port=int(port))
        else:
            wrong.append(f"VACATE_PORT: {port!r} is no port; give a number from 0 to {_HIGHEST_PORT}")
    if url := os.environ.get("VACATE_STORE_URL"):
        store = msgspec.structs.replace(store, url=url)
    return msgspec.structs.replace(settings, service=service, store=store), wrong
