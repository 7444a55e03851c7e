"""Finds out whether others may read the passwords that stand in the configuration."""

import os
from pathlib import Path

from vacate.domain.topology.dsn import has_password
from vacate.operations.private_files import refuse_open_secret
from vacate.settings.file import Settings


def refuse_open_passwords(found: os.stat_result, path: Path, settings: Settings) -> None:
    """Refuse a configuration with a password that others may read; `settings` are those of the file alone.

    Raises:
        SettingsError: others may read or change it.
    """
    if any(map(has_password, (settings.store.url, *settings.servers().values()))):
        refuse_open_secret(found, path, "the configuration holds passwords, and")
