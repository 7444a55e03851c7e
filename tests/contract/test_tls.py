"""TLS on the service's own port."""

import asyncio
import contextlib
import select
import ssl
import time
from collections.abc import Generator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from huaweicloudsdkcore.exceptions.exceptions import SslHandShakeException

from tests.contract.clients import official_client
from tests.contract.places import PROJECT, projects
from tests.contract.raw import connected, ends, head, receive
from tests.contract.test_errors import refused
from tests.support.service import (
    HOST,
    Cluster,
    Key,
    RunningService,
    ServiceFailedError,
    Site,
    configuration,
)
from vacate.cli.port_limits import PortLimits
from vacate.cli.serving import bind, serving
from vacate.domain.access.identity import Role
from vacate.http.app import build_app
from vacate.settings.file import ServiceSection
from vacate.settings.listening import calls_address
from vacate.telemetry.access_log import TelemetryAccessLog
from vacate.telemetry.metrics import Metrics

# The official client asks for the time in a way that newer Pythons warn of.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")


def make_certificate(folder: Path, *, password: bytes | None = None) -> tuple[Path, Path]:
    """A certificate for loopback that nobody but itself vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vacate")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "service.crt", folder / "service.key"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.touch(mode=0o600)
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_path.write_bytes(key.private_bytes(encoding, layout, locked))
    return certificate_path, key_path


@pytest.fixture(scope="module")
def tls_site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = make_certificate(folder)
    # Relative paths are taken from the configuration's own folder.
    section = {"tls_certificate": certificate.name, "tls_key": key.name}
    return Site(folder, configuration(projects(cluster), service=section))


@pytest.fixture(scope="module")
def key(tls_site: Site) -> Key:
    return tls_site.add_user("olga", project_id=PROJECT, role=Role.OPERATOR)


@pytest.fixture(scope="module")
def tls_service(tls_site: Site, key: Key) -> Generator[RunningService]:
    del key
    with tls_site.serving(certificate=tls_site.folder / "service.crt") as running:
        yield running


def test_the_official_client_calls_over_tls(tls_service: RunningService, key: Key) -> None:
    assert tls_service.endpoint.startswith("https://")
    with official_client(tls_service.endpoint, key, certificate=str(tls_service.certificate)) as client:
        assert client.kill().success is True
        error = refused(lambda: client.kill(node="?"))
    assert (error.status_code, error.error_code) == (400, "DBS.280404")


def test_a_client_that_does_not_trust_the_certificate_sends_nothing(tls_service: RunningService, key: Key) -> None:
    with official_client(tls_service.endpoint, key) as client, pytest.raises(SslHandShakeException):
        client.kill()


def test_an_endpoint_without_a_scheme_means_tls(tls_service: RunningService, key: Key) -> None:
    bare = tls_service.endpoint.removeprefix("https://")
    with official_client(bare, key, certificate=str(tls_service.certificate)) as client:
        assert client.kill().success is True


def test_plain_http_at_the_tls_port_is_hung_up_on(tls_service: RunningService) -> None:
    with connected(tls_service.port) as link:
        link.sendall(head("GET", "/healthz", {"Host": HOST}))
        assert ends(link)
    assert tls_service.get("/healthz") == (200, {"status": "ok"})


@pytest.mark.parametrize("idle_s", [0.2, 60], ids=["told_to_go_before", "told_to_go_at_the_end"])
async def test_a_client_that_never_says_goodbye_does_not_hold_up_the_end(tmp_path: Path, idle_s: float) -> None:
    """Over TLS a link is closed by both ends; this client has stopped listening."""
    certificate, key = make_certificate(tmp_path)
    section = ServiceSection(port=0, tls_certificate=certificate, tls_key=key)
    app = build_app([], TelemetryAccessLog(Metrics("0")))

    def talk(port: int, client: ExitStack) -> None:
        context = ssl.create_default_context(cafile=str(certificate))
        link = client.enter_context(connected(port))
        link = client.enter_context(context.wrap_socket(link, server_hostname=HOST))
        link.sendall(head("GET", "/", {"Host": HOST}))
        assert receive(link, "GET").status == 404
        if idle_s < 1:
            # The service's farewell is on its way, and nobody answers it.
            assert select.select([link], [], [], 10)[0]

    with ExitStack() as client, bind(calls_address(section)) as listener:
        async with serving(app, section, listener, PortLimits(idle_s=idle_s)):
            await asyncio.to_thread(talk, listener.getsockname()[1], client)
            began = time.monotonic()
        assert time.monotonic() - began < 15


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_only_ciphers_with_forward_secrecy_and_integrity_are_spoken(
    tls_service: RunningService, version: ssl.TLSVersion
) -> None:
    context = ssl.create_default_context(cafile=str(tls_service.certificate))
    context.minimum_version = context.maximum_version = version
    with connected(tls_service.port) as link, context.wrap_socket(link, server_hostname=HOST) as wrapped:
        spoken = wrapped.cipher()
    assert spoken
    assert spoken[0].startswith(("ECDHE-", "TLS_"))
    assert "GCM" in spoken[0] or "POLY1305" in spoken[0]


def test_an_old_tls_is_not_spoken(tls_service: RunningService) -> None:
    context = ssl.create_default_context(cafile=str(tls_service.certificate))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with connected(tls_service.port) as link, pytest.raises(ssl.SSLError):
        context.wrap_socket(link, server_hostname=HOST)


@pytest.mark.parametrize("what", ["no_file", "another_key", "locked_key", "no_certificate"])
def test_a_certificate_that_cannot_be_used_is_named_at_the_start(tmp_path: Path, what: str) -> None:
    (tmp_path / "other").mkdir()
    certificate, key = make_certificate(tmp_path, password=b"secret" if what == "locked_key" else None)
    if what == "no_file":
        key.unlink()
    elif what == "another_key":
        key = make_certificate(tmp_path / "other")[1]
    elif what == "no_certificate":
        certificate.write_text("nothing")
    section = {"tls_certificate": str(certificate), "tls_key": str(key)}
    site = Site(tmp_path, configuration([], service=section))
    with pytest.raises(ServiceFailedError, match="cannot be used together"), site.serving(certificate=certificate):
        pass
    assert "Traceback" not in site.log_path.read_text()


async def test_a_handshake_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    section = ServiceSection(port=0, tls_certificate=certificate, tls_key=key)
    app = build_app([], TelemetryAccessLog(Metrics("0")))
    with bind(calls_address(section)) as listener:
        async with serving(app, section, listener, PortLimits(handshake_s=0.4)):
            reader, writer = await asyncio.open_connection(HOST, listener.getsockname()[1])
            began = time.monotonic()
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 20) == b""
            assert time.monotonic() - began < 10
            writer.close()
