"""TLS by files that may be renewed: what they hold counts for the next connection, without a restart."""

import os
import ssl


class TlsFileError(OSError):
    """A certificate, key or CA file cannot be used; the text says which, and why."""


def client_context(ca: str | os.PathLike[str] | None) -> ssl.SSLContext:
    """Return a context that verifies servers by the CA file `ca` alone, or by the system's CAs where that is None.

    Raises TlsFileError.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise TlsFileError(f"{ca} is no file of CA certificates in PEM ({error})") from error


class ServerTls:
    """The TLS of a port that is listened at."""

    def __init__(self, certificate: str, key: str) -> None:
        """Load `certificate` (PEM, with its chain) and its private `key`. Raises TlsFileError."""
        self._certificate = certificate
        self._key = key
        self._current = self._loaded()
        self.context = self._loaded()
        """What the server listens with, for its whole life."""
        self.context.sni_callback = self._choose

    def read(self) -> None:
        """Load the files anew; connections that are made from now on see what they hold. Raises TlsFileError."""
        self._current = self._loaded()

    def _loaded(self) -> ssl.SSLContext:
        # Always a context of its own: one that is in use would be left with half a pair where the other half is wrong.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._certificate, self._key)
        except OSError as error:
            raise TlsFileError(
                f"{self._certificate} and {self._key} are no certificate and its private key in PEM ({error})"
            ) from error
        return context

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # Called in every handshake, before the certificate is sent; also where the client names no server.
        connection.context = self._current


class ClientTls:
    """The TLS of connections to the installation's own services."""

    def __init__(self, ca: str) -> None:
        """Verify by the CA in the file `ca` alone. Raises TlsFileError."""
        self._ca = ca
        self.context = client_context(ca)
        """What new connections are made with."""

    def read(self) -> None:
        """Load the file anew. Raises TlsFileError."""
        self.context = client_context(self._ca)
