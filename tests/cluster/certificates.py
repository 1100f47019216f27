"""Certificates for every part of an installation, as Kubernetes TLS Secrets that cert-manager could have made."""

import socket
import ssl
from pathlib import Path
from typing import Final

import trustme
from cryptography import x509

from tests.cluster.installation import Installation

PARTS: Final = ("web", "internal", "mongodb", "redis")
"""Each has a Secret of its own."""

DOMAIN: Final = "svc.cluster.local"


class Authority:
    """Signs certificates, and puts them into Secrets."""

    def __init__(self) -> None:
        self._authority = trustme.CA(key_type=trustme.KeyType.RSA)

    @property
    def certificate(self) -> bytes:
        """Its own certificate, in PEM."""
        return self._authority.cert_pem.bytes()

    def write(self, path: Path) -> Path:
        """Write its own certificate to a file; return the path."""
        path.write_bytes(self.certificate)
        return path

    def issue(self, installation: Installation, part: str) -> int:
        """Make a new certificate for a part and put it into its Secret; return its serial number."""
        names = _names(installation, part)
        certificate = self._authority.issue_cert(*names, key_type=trustme.KeyType.RSA)
        chain = certificate.cert_chain_pems[0].bytes()
        installation.kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "kubernetes.io/tls",
                "metadata": {"name": secret_name(part)},
                "stringData": {
                    "tls.crt": chain.decode(),
                    "tls.key": certificate.private_key_pem.bytes().decode(),
                    "ca.crt": self.certificate.decode(),
                },
            }
        )
        return x509.load_pem_x509_certificate(chain).serial_number


def secret_name(part: str) -> str:
    """Return the name of a part's Secret."""
    return f"e2e-{part}-tls"


def shown_serial(address: str, port: int) -> int:
    """Return the serial number of the certificate that a server shows.

    Raises:
        OSError: nobody answers there, or not with TLS.
    """
    context = ssl.create_default_context()
    context.check_hostname = False  # only what is shown matters here, not whether to believe it
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((address, port), timeout=5) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as secured,
    ):
        shown = secured.getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(shown or b"").serial_number


def _names(installation: Installation, part: str) -> list[str]:
    """Return the names under which a part is reached."""
    services = {
        "web": ["web", "web-pods"],
        "internal": ["transaction", "audit"],
        "mongodb": ["data-set", "audit-set"],
        "redis": ["redis"],
    }[part]
    names = []
    for service in services:
        name = installation.name(service)
        names += [name, f"{name}.{installation.namespace}.svc", f"{name}.{installation.namespace}.{DOMAIN}"]
        if part == "mongodb":
            names.append(f"*.{name}.{installation.namespace}.{DOMAIN}")
    if part == "web":
        for node in installation.kubectl.objects("nodes"):
            names += [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
    return [*names, "localhost", "127.0.0.1"]
