"""Certificates for tests: an authority, and files as a service finds them in its mounted Secret."""

import os
import secrets
from pathlib import Path

import trustme


class Mounted:
    """A directory in which `tls.crt`, `tls.key` and `ca.crt` stand, and are replaced as Kubernetes does it.

    Each file is a link through `..data`, itself a link to a directory; a renewal makes another directory and swaps
    `..data`, so that all files change in one moment.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(exist_ok=True)

    def path(self, name: str) -> str:
        """Return where a file is."""
        return str(self._directory / name)

    @property
    def certificate(self) -> str:
        """The certificate with its chain."""
        return self.path("tls.crt")

    @property
    def key(self) -> str:
        """The private key."""
        return self.path("tls.key")

    @property
    def ca(self) -> str:
        """The authority that signed the certificate."""
        return self.path("ca.crt")

    def put(self, **files: bytes) -> None:
        """Replace all files by these; a name's `_` stands for a dot."""
        fresh = self._directory / f"..{secrets.token_hex(4)}"
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name.replace("_", ".")).write_bytes(content)
        link = self._directory / "..new"
        link.symlink_to(fresh.name)
        os.replace(link, self._directory / "..data")  # noqa: PTH105  Path.replace follows no link either, but says less
        for name in files:
            path = self._directory / name.replace("_", ".")
            if not path.is_symlink():
                path.symlink_to(Path("..data") / path.name)

    def put_mismatch(self, ca: trustme.CA) -> None:
        """Put the certificate that is there beside a key that is not its own."""
        key = ca.issue_cert("another").private_key_pem.bytes()
        self.put(tls_crt=Path(self.certificate).read_bytes(), tls_key=key, ca_crt=ca.cert_pem.bytes())

    def put_certificate(self, ca: trustme.CA, *names: str) -> None:
        """Put a new certificate by `ca` for the `names`, host names or addresses."""
        issued = ca.issue_cert(*names)
        chain = b"".join(one.bytes() for one in issued.cert_chain_pems)
        self.put(tls_crt=chain, tls_key=issued.private_key_pem.bytes(), ca_crt=ca.cert_pem.bytes())
