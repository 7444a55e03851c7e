"""The certificate that the service proves itself with."""

import ssl
import stat
from pathlib import Path
from shlex import quote

from vacate.domain.errors import SettingsError
from vacate.settings.file import ServiceSection


def tls_context(service: ServiceSection) -> ssl.SSLContext | None:
    """What TLS is spoken with; none where the configuration names no certificate.

    Raises:
        SettingsError: certificate or key cannot be used.
    """
    if service.tls_certificate is None or service.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        _refuse_open_key(service.tls_key)
        # A key that is locked with a password is refused; nobody sits at a service to type it.
        context.load_cert_chain(service.tls_certificate, service.tls_key, password="")
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"service.tls_certificate {service.tls_certificate} and service.tls_key {service.tls_key} "
            f"cannot be used together: {reason}"
        ) from error
    return context


def _refuse_open_key(key: Path) -> None:
    """A group may read a key, as Debian's ssl-cert does; everybody may not."""
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise SettingsError(
            f"service.tls_key {key} is open to others (mode {mode:04o}); run: chmod 600 {quote(str(key))}"
        )
