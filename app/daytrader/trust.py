"""By what a service knows the others and they know it: the internal credential and TLS, each kept as its files are."""

from collections.abc import Callable

from daytrader.changing_files import ChangingFiles, follow
from daytrader.internal import Tokens
from daytrader.session import InternalSession
from daytrader.settings import Settings
from daytrader.tls import ClientTls, ServerTls


class Trust:
    """What the settings name. `run` keeps it as the files are, which may be renewed at any time."""

    def __init__(self, settings: Settings) -> None:
        """Read the files. Raises OSError and ValueError where one cannot be used."""
        self._files: list[ChangingFiles] = []
        self.tokens = Tokens(settings.internal_token)
        if file := settings.internal_token_file:
            self.follow(file, take=lambda: self.tokens.read(file))
        self.server = ServerTls(settings.tls_cert, settings.tls_key) if settings.tls_cert else None
        """The TLS of the service's own port; None: it speaks plain HTTP."""
        if self.server is not None:
            self.follow(settings.tls_cert, settings.tls_key, take=self.server.read)
        self._client = ClientTls(settings.tls_ca) if settings.tls_ca else None
        if self._client is not None:
            self.follow(settings.tls_ca, take=self._client.read)

    def follow(self, *paths: str, take: Callable[[], None]) -> None:
        """Call `take` now and whenever the files change. It raises OSError or ValueError where they are useless."""
        self._files.append(ChangingFiles(paths, take))

    def session(self, name: str = "") -> InternalSession:
        """Return connections to one kind of service; `name` is its name in its certificates, empty: the one in URLs."""
        return InternalSession(self.tokens, self._client, name)

    async def run(self) -> None:
        """Look at the files every few seconds until cancelled."""
        await follow(self._files)
