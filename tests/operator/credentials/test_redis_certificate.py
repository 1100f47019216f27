"""Redis takes a renewed certificate while it runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from daytrader_operator.credentials.redis_certificate import RedisCertificate, RedisTlsError
from tests.operator.credentials.redis_stand_in import PASSWORD, RedisStandIn


class Pair:
    """A certificate that a CA has given to localhost, as the Secret and the files hold it."""

    def __init__(self, ca: trustme.CA) -> None:
        leaf = ca.issue_cert("localhost")
        self.certificate = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        self.key = leaf.private_key_pem.bytes()

    def sync(self, directory: Path) -> None:
        """What the kubelet does some time after the Secret has changed."""
        (directory / "tls.crt").write_bytes(self.certificate)
        (directory / "tls.key").write_bytes(self.key)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """Who gives the certificates."""
    return trustme.CA()


@pytest.fixture
async def server(ca: trustme.CA, tmp_path: Path) -> AsyncIterator[RedisStandIn]:
    """A Redis with a first certificate."""
    Pair(ca).sync(tmp_path)
    redis = RedisStandIn(tmp_path)
    async with redis.up():
        yield redis


async def take(server: RedisStandIn, ca: trustme.CA, wanted: bytes, password: str = PASSWORD) -> bool:
    """One pass of the operator."""
    certificate = RedisCertificate(host="localhost", port=server.port)
    return await certificate.take(wanted=wanted.decode(), ca=ca.cert_pem.bytes().decode(), password=password)


async def test_nothing_is_asked_of_a_redis_that_serves_it_already(
    server: RedisStandIn, ca: trustme.CA, tmp_path: Path
) -> None:
    """A look costs a handshake."""
    assert not await take(server, ca, (tmp_path / "tls.crt").read_bytes())
    assert server.commands == []


async def test_a_renewed_certificate_is_served_from_then_on(
    server: RedisStandIn, ca: trustme.CA, tmp_path: Path
) -> None:
    """Redis is told the path that it has already, and reads certificate and key again."""
    renewed = Pair(ca)
    renewed.sync(tmp_path)
    assert await take(server, ca, renewed.certificate)
    assert server.commands == [
        ["CONFIG", "GET", "tls-cert-file"],
        ["CONFIG", "SET", "tls-cert-file", str(tmp_path / "tls.crt")],
    ]
    assert not await take(server, ca, renewed.certificate)


async def test_files_that_have_not_come_yet_are_waited_for(
    server: RedisStandIn, ca: trustme.CA, tmp_path: Path
) -> None:
    """The Secret is ahead of the pod by up to two minutes."""
    renewed = Pair(ca)
    assert not await take(server, ca, renewed.certificate)
    renewed.sync(tmp_path)
    assert await take(server, ca, renewed.certificate)


async def test_files_that_do_not_fit_are_an_error_and_the_old_ones_stay(
    server: RedisStandIn, ca: trustme.CA, tmp_path: Path
) -> None:
    """As where a Secret was edited by hand."""
    renewed = Pair(ca)
    renewed.sync(tmp_path)
    (tmp_path / "tls.key").write_bytes(Pair(ca).key)
    with pytest.raises(RedisTlsError, match="does not read its certificate again"):
        await take(server, ca, renewed.certificate)


async def test_a_wrong_password_is_an_error(server: RedisStandIn, ca: trustme.CA) -> None:
    """Nothing was changed."""
    with pytest.raises(RedisTlsError, match="localhost does not read its certificate again"):
        await take(server, ca, Pair(ca).certificate, password="wrong")


async def test_no_password_is_sent_to_whom_the_ca_does_not_vouch_for(server: RedisStandIn) -> None:
    """The message says what to do where it is the CA that was changed."""
    other = trustme.CA()
    with pytest.raises(RedisTlsError, match=r"does not pass under ca\.crt .* restart Redis"):
        await take(server, other, Pair(other).certificate)
    assert server.commands == []


async def test_a_redis_that_is_not_there_is_named(ca: trustme.CA) -> None:
    """It may just be starting."""
    with pytest.raises(RedisTlsError, match="Redis at localhost:1 cannot be reached"):
        await RedisCertificate(host="localhost", port=1).take(
            wanted=Pair(ca).certificate.decode(), ca=ca.cert_pem.bytes().decode(), password="x"
        )


@pytest.mark.parametrize(("wanted", "authority"), [("no PEM", None), ("", None), (None, "no PEM"), (None, "")])
async def test_a_secret_without_certificates_is_an_error(
    ca: trustme.CA, wanted: str | None, authority: str | None
) -> None:
    """It says which key is wrong."""
    with pytest.raises(RedisTlsError, match=r"(tls|ca)\.crt of Redis' TLS Secret"):
        await RedisCertificate(host="localhost", port=1).take(
            wanted=Pair(ca).certificate.decode() if wanted is None else wanted,
            ca=ca.cert_pem.bytes().decode() if authority is None else authority,
            password="x",
        )
