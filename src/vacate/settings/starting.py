"""Everything that a service needs before it can start, checked at once, for `serve` and for `config check`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from vacate.domain.errors import SettingsMistakesError
from vacate.iam.sealing import sealing_key
from vacate.settings.checking import said
from vacate.settings.file import Settings
from vacate.settings.loading import read_settings
from vacate.settings.tls import tls_context
from vacate.settings.webhooks import endpoint
from vacate.store.database import check_url


def load_for_service(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read a configuration file with all that it names: keys, secrets, certificates. No server is asked.

    Raises:
        SettingsError: the file cannot be read; or something is wrong, and the message has a line for every mistake.
    """
    reading = read_settings(path)
    mistakes = [*reading.open_to_others, *reading.mistakes]
    if reading.settings is not None and reading.shaped:
        mistakes += [f"{path}: {words}" for words in _missing(reading.settings, environment)]
    if reading.settings is None or mistakes:
        raise SettingsMistakesError(mistakes)
    return reading.settings


def _missing(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """What is wrong with what the file names."""
    secrets = [
        partial(endpoint, settings, webhook.name, environment)
        for webhook in settings.webhooks
        # Which one is meant, the file itself does not tell otherwise.
        if bool(webhook.secret_env) != (webhook.secret_file is not None)
    ]
    checks = (
        partial(sealing_key, environment, settings.store.secret_key_file),
        partial(tls_context, settings.service),
        partial(check_url, settings.store.url),
        *secrets,
    )
    return [words for check in checks for words in said(check)]
