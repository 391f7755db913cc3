"""TLS: a certificate that is not vouched for is refused before anything is said; real servers and clusters speak it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.datastore.address import AddressError
from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from tests.datastore.patience import refusal
from tests.support.programs import program
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import RedisServer

CERTIFICATES = Path(__file__).parents[1] / "support" / "certificates"
AUTHORITY, CERTIFICATE = CERTIFICATES / "authority.pem", CERTIFICATES / "localhost.pem"


@pytest.fixture
async def port(own_redis: RedisServer) -> AsyncIterator[int]:
    """Where TLS is spoken: in front of a server stands what unwraps it, as many managed ones have it."""

    async def unwrap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(own_redis.socket)
        await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    async with await asyncio.start_server(unwrap, "127.0.0.1", 0, ssl=context) as listener:
        yield listener.sockets[0].getsockname()[1]


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(65_536):
            writer.write(part)
    writer.close()


def over_tls(url: str, ca_bundle: Path | None = None) -> aclosing[Datastore]:
    return aclosing(open_datastore(url, timeout_seconds=10, ca_bundle=ca_bundle))


async def test_the_bundle_vouches_for_the_server(port: int) -> None:
    """The gateway's bundle, or authorities named in the address: either way the server is believed."""
    async with over_tls(f"rediss://localhost:{port}", AUTHORITY) as datastore:
        assert await datastore.command("INCR", "n") == 1
    async with over_tls(f"rediss://127.0.0.1:{port}?ssl_ca_certs={AUTHORITY}") as datastore:
        assert await datastore.command("INCR", "n") == 2


async def test_nobody_else_is_spoken_to(port: int) -> None:
    """Without an authority, or under another name, nothing is sent; names are ignored only where that is asked for."""
    async with over_tls(f"rediss://localhost:{port}") as datastore:
        refused = await refusal(lambda: datastore.command("INCR", "n"))
    assert "certificate verify failed" in refused.detail
    assert not refused.may_have_happened
    async with over_tls(f"rediss://127.0.0.2:{port}", AUTHORITY) as datastore:
        assert not (await refusal(lambda: datastore.command("INCR", "n"))).may_have_happened


def test_a_file_that_is_none_is_told() -> None:
    """Before anything is connected."""
    for wrong in ("ssl_ca_certs", "ssl_certfile"):
        with pytest.raises(AddressError, match="file named for TLS"):
            open_datastore(f"rediss://localhost?{wrong}=/nowhere.pem", timeout_seconds=1)


@pytest.mark.slow
async def test_a_cluster_that_wants_certificates_speaks_tls(tmp_path: Path) -> None:
    """Debian's server, which has TLS built in: nodes and redirections over TLS, with a certificate of ours."""
    server = program("redis-server", "redis-server")
    certificate = tmp_path / "both-ways.pem"
    certificate.write_bytes(self_signed())
    config = {
        "tls-cert-file": str(certificate),
        "tls-key-file": str(certificate),
        "tls-ca-cert-file": str(certificate),
        "tls-auth-clients": "yes",
        "tls-cluster": "yes",
        "tls-replication": "yes",
    }
    with RedisCluster(config, tls=True, program=server) as cluster:
        async with over_tls(f"{cluster.url}?ssl_certfile={certificate}", certificate) as datastore:
            teams = [f"{{{team}}}" for team in range(20)]
            assert await datastore.commands([("INCR", team) for team in teams]) == [1] * 20
            await asyncio.to_thread(cluster.migrate, teams[0], cluster.other_than(cluster.master_of(teams[0])))
            assert await datastore.commands([("INCR", team) for team in teams]) == [2] * 20
        async with over_tls(cluster.url, certificate) as datastore:
            assert not (await refusal(lambda: datastore.command("INCR", teams[0]))).may_have_happened


def self_signed() -> bytes:
    """Key and certificate for this machine, good for both ends of a connection: nodes are each other's clients."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()) + certificate.public_bytes(pem)
