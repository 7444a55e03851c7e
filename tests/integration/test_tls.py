"""The link to a server is encrypted as libpq's `sslmode` says, and a server that cannot prove who it is is refused."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.in_process import session_ids, vacate
from tests.support.postgres import Clients, LiveServer, installation_of
from vacate.demo.servers import HOST, Certificate, Workplace
from vacate.domain.errors import ComponentUnreachableError
from vacate.domain.sweeps.report import Outcome

# The wheel's servers cannot encrypt; Debian's can.
ENCRYPTING = 15
PLAIN = 18

_OUR_LINK = """
SELECT s.ssl, s.version FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'vacate'
"""


# --- a certificate authority -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Somebody who says who a server is. `file` is what those who trust it keep."""

    directory: Path
    name: x509.Name
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def found(cls, directory: Path) -> "Authority":
        """Make one, trusted by nobody yet."""
        directory.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        authority = cls(directory=directory, name=_name(f"authority of {directory.name}"), key=key)
        own = authority.certify(authority.name, key, x509.BasicConstraints(ca=True, path_length=None), critical=True)
        authority.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))
        return authority

    @property
    def file(self) -> Path:
        return self.directory / "authority.crt"

    def server(self, subject: str, *names: x509.GeneralName) -> Certificate:
        """A certificate with its key for a server that goes by these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.certify(_name(subject), key, x509.SubjectAlternativeName(names), critical=False)
        files = Certificate(certificate=self.directory / f"{subject}.crt", key=self.directory / f"{subject}.key")
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return files

    def certify(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, fact: x509.ExtensionType, *, critical: bool
    ) -> x509.Certificate:
        """Sign that the key belongs to the subject."""
        today = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - timedelta(days=1))
            .not_valid_after(today + timedelta(days=1))
            .add_extension(fact, critical=critical)
            .sign(self.key, hashes.SHA256())
        )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


# --- servers ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.found(tmp_path_factory.mktemp("tls") / "trusted")


@pytest.fixture(scope="module")
def untrusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.found(tmp_path_factory.mktemp("tls") / "untrusted")


def _encrypting(workplace: Workplace, name: str, certificate: Certificate) -> LiveServer:
    installation = installation_of(ENCRYPTING)
    if not installation.supports_tls:
        pytest.skip(f"{installation} was built without TLS: install Debian's postgresql-15")
    live = LiveServer.start(workplace, name, installation)
    live.server.encrypt(certificate)
    live.server.restart("immediate")
    return live


@pytest.fixture(scope="module")
def proven(workplace: Workplace, trusted: Authority) -> Generator[LiveServer]:
    """A server whose certificate names the address that it is reached by."""
    live = _encrypting(workplace, "proven", trusted.server("proven", x509.IPAddress(IPv4Address(HOST))))
    yield live
    live.server.stop("immediate")


@pytest.fixture(scope="module")
def misnamed(workplace: Workplace, trusted: Authority) -> Generator[LiveServer]:
    """A server whose certificate is good, and somebody else's."""
    live = _encrypting(workplace, "misnamed", trusted.server("misnamed", x509.DNSName("db.example")))
    yield live
    live.server.stop("immediate")


# --- tests -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
async def test_a_server_that_proves_who_it_is_is_swept_over_an_encrypted_link(
    proven: LiveServer, trusted: Authority, tmp_path: Path, mode: str
) -> None:
    dsn = f"{proven.dsn()}?sslmode={mode}&sslrootcert={trusted.file}"
    async with Clients(proven) as clients, vacate(tmp_path, dsn) as service:
        idle = await clients.idle()
        report = await service.sweep()

        assert session_ids(report, Outcome.TERMINATED) == {idle.pid}
        assert service.problem() is None
        ((encrypted, version),) = await proven.ask(_OUR_LINK)
        assert encrypted
        assert version == "TLSv1.3"


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
async def test_a_server_that_an_unknown_authority_vouches_for_is_refused(
    proven: LiveServer, untrusted: Authority, tmp_path: Path, mode: str
) -> None:
    dsn = f"{proven.dsn()}?sslmode={mode}&sslrootcert={untrusted.file}"
    async with Clients(proven) as clients, vacate(tmp_path, dsn) as service:
        idle = await clients.idle()
        with pytest.raises(ComponentUnreachableError, match="certificate is refused: ") as refused:
            await service.sweep()

        assert service.problem() == str(refused.value)
        assert await idle.is_alive()


async def test_a_server_by_another_name_is_refused_unless_names_do_not_count(
    misnamed: LiveServer, trusted: Authority, tmp_path: Path
) -> None:
    strict = f"{misnamed.dsn()}?sslmode=verify-full&sslrootcert={trusted.file}"
    lenient = f"{misnamed.dsn()}?sslmode=verify-ca&sslrootcert={trusted.file}"
    async with Clients(misnamed) as clients:
        idle = await clients.idle()
        async with vacate(tmp_path, strict) as service:
            with pytest.raises(ComponentUnreachableError, match="certificate is refused: it is for another host"):
                await service.sweep()
            assert await idle.is_alive()
        async with vacate(tmp_path, lenient) as service:
            assert session_ids(await service.sweep(), Outcome.TERMINATED) == {idle.pid}


async def test_a_trusted_authority_whose_file_is_missing_is_said_to_be(proven: LiveServer, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.crt"
    dsn = f"{proven.dsn()}?sslmode=verify-full&sslrootcert={missing}"
    async with vacate(tmp_path, dsn) as service:
        with pytest.raises(
            ComponentUnreachableError, match="certificate or key file that the DSN names does not exist"
        ):
            await service.sweep()


async def test_a_server_that_does_not_encrypt_is_refused_where_encryption_is_required(
    workplace: Workplace, tmp_path: Path
) -> None:
    plain = LiveServer.start(workplace, "plain", installation_of(PLAIN))
    async with Clients(plain) as clients, vacate(tmp_path, f"{plain.dsn()}?sslmode=require") as service:
        idle = await clients.idle()
        with pytest.raises(ComponentUnreachableError, match="the server does not encrypt"):
            await service.sweep()
        assert await idle.is_alive()
    plain.server.stop("immediate")
