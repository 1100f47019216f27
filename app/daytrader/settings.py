"""Settings of a service, from environment variables `DAYTRADER_<NAME>`; every one has a default that is said here."""

import os
import secrets
import socket
from collections.abc import Mapping
from importlib.metadata import version
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

import msgspec

from daytrader.journal.entry import FORMAT, READABLE


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message names the variable, the value and what is expected."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings. A service reads those that concern it."""

    replica: str = msgspec.field(default_factory=socket.gethostname)
    """The name of this process in the log, in metrics and in status."""
    host: str = "127.0.0.1"
    port: int = 8080
    shared_port: int = 0
    """A port that several web replicas on one machine listen at together, besides their own; 0: none."""
    own_url: str = ""
    """Base URL at which the others reach this replica; empty: http://HOST:PORT, or https where `tls_cert` is set."""
    build: str = ""
    """The build that `/version` and the metric daytrader_build_info show; empty: the package's version."""
    clock_file: str = ""
    """For development: a file that turns or stops the clock of all services; see `daytrader.clock.TurnedClock`."""
    metrics_port: int = 0
    """Prometheus metrics are served here; 0 serves none."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    internal_token: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    """The credential that every internal request carries; the same for all services of an installation."""
    internal_token_file: str = ""
    """A file with a credential on each line, read again when it changes: the first is sent, all are accepted, so that
    they can be exchanged without a stop. Goes before `internal_token`."""
    tls_cert: str = ""
    """PEM file of the certificate (with its chain) of this service's HTTP port; empty: no TLS. Read again when it
    changes, as the next two are."""
    tls_key: str = ""
    """PEM file of its private key."""
    tls_ca: str = ""
    """PEM file of the CA by which the other services' certificates are verified; set where they speak TLS."""

    auth_mode: Literal["open", "required"] = "open"
    """open: whoever reaches the web service trades as any user and sees everything. required: only who shows a bearer
    token, and as far as its role goes; tokens are kept in the data set (embedded: in `data_dir`)."""
    auth_admin_password_file: str = ""
    """A file with the password of the first admin, who is made where there never was one; empty: nobody is."""
    auth_admin_token_file: str = ""
    """A file with the text of an admin's token, which is made known where it never was; empty: none is."""
    auth_broker_token_file: str = ""
    """A file with the text of a broker's token, which is made known where it never was; empty: none is."""

    secure_cookies: bool = False
    """Cookies are for https alone, also where this service itself is asked without TLS: an ingress ends it."""
    trusted_proxies: str = ""
    """Networks (10.0.0.0/8,192.168.1.7), separated by commas, whose X-Forwarded-For and -Proto are believed: those of
    the proxies in front of the web service. Empty: none is."""

    partitions: int = 16
    """Fixed at the first start of an installation."""
    data_uri: str = ""
    """MongoDB URI of the data set (journal and accounts); its path names the database."""
    audit_uri: str = ""
    """MongoDB URI of the audit set."""
    mongodb_ca: str = ""
    """PEM file of the CA of both sets, whose URIs say `tls=true`. Read again when it changes."""
    data_dir: str = ""
    """Where the embedded mode keeps its SQLite files."""
    journal_durability: Literal["majority", "one", "memory"] = "majority"
    """Before an acknowledgement: on disk on a majority; on disk on the primary; in memory on the primary."""
    journal_batching: bool = True
    """False appends one command at a time, partitions side by side: only to measure what batching gains."""
    journal_keep_ms: int = 3_600_000
    """Entries younger than this are not trimmed."""
    journal_format: int = FORMAT
    """The format of the entries that are written. A build reads its own and the one before, so the new one is set when
    no build that does not read it will run any more: until then a rollout can be undone."""

    transaction_urls: str = ""
    """Base URLs of the transaction replicas, separated by commas (a static list)."""
    transaction_dns: str = ""
    """HOST:PORT of a headless Service whose addresses are the transaction replicas; goes before the list."""
    web_urls: str = ""
    """Base URLs of the web replicas, separated by commas; only for naming each of them in `/health`."""
    web_dns: str = ""
    """HOST:PORT of a headless Service whose addresses are the web replicas; goes before the list."""
    audit_url: str = ""
    """Base URL of the audit service."""

    redis_url: str = ""
    """The shared quote cache; empty: each replica caches for itself."""
    redis_ca: str = ""
    """PEM file of the CA of a Redis whose URL begins with rediss://. Read at each connection that is made."""
    quote_server: str = "127.0.0.1:4444"
    """HOST:PORT of the legacy quote server."""
    quotes_time_limit_ms: int = 4_500
    quotes_hedge_after_ms: int = 0
    """Ask a second time after so many ms without an answer; 0 never does. Each answer costs money."""
    quotes_fresh_for_orders: bool = False
    """BUY and SELL always ask the quote server, never the cache."""

    triggers_interval_ms: int = 1_000
    accounts_in_memory_bytes: int = 256 * 1024 * 1024
    """How many bytes of packed accounts a transaction replica keeps before it evicts the least recently used."""
    checkpoint_records: int = 16_000
    """After so many records of a partition its changed accounts are stored, and its checkpoint rises."""

    metrics_urls: str = ""
    """Whose metrics the operations page is made of, separated by commas: ROLE=http://HOST:PORT, or
    ROLE=dns://HOST:PORT of a headless Service; ROLE is web, transaction, audit or operator. Empty: it has none."""
    control_dir: str = ""
    """Where the `daytrader up` that runs this service has its control file: what can be broken on purpose from the
    operations page is done by it. Empty: nothing can."""
    breaking_instance: str = ""
    """On Kubernetes: the label app.kubernetes.io/instance of the pods that can be deleted on purpose from the
    operations page, by the service account of this one. Empty: none can."""
    breaking_record: str = ""
    """The name of the ConfigMap in which what was done to them is kept; goes with `breaking_instance`."""

    otlp_endpoint: str = ""
    """OpenTelemetry traces go there by OTLP over HTTP (needs the `tracing` extra); empty: none, at no cost."""

    @property
    def version(self) -> str:
        """What is running."""
        return self.build or version("daytrader")

    @property
    def base_url(self) -> str:
        """The URL at which the others reach this replica, and by which they know it."""
        return self.own_url or f"{'https' if self.tls_cert else 'http'}://{self.host}:{self.port}"


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that the environment gives.

    Raises:
        SettingsError: a variable has a value that cannot be used, or is none that we know.
    """
    given = {name[10:].lower(): text for name, text in environ.items() if name.startswith("DAYTRADER_")}
    known = {field.name: field for field in msgspec.structs.fields(Settings)}
    foreign = sorted(given.keys() - known.keys() - _NOT_OURS)
    if foreign:
        raise SettingsError(
            f"unknown setting DAYTRADER_{foreign[0].upper()}: see daytrader/settings.py for those there are"
        )
    try:
        settings = msgspec.convert({name: given[name] for name in known if name in given}, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"a DAYTRADER_ setting cannot be used: {error}") from None
    if refusal := _refusal(settings):
        raise SettingsError(refusal)
    return settings


def networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Return the networks of a list with commas. Raises ValueError where one is none."""
    return [ip_network(one) for one in map(str.strip, text.split(",")) if one]


def _refusal(settings: Settings) -> str:
    """Return why these settings do not go together, in words; empty where they do."""
    if bool(settings.tls_cert) != bool(settings.tls_key):
        given, missing = ("CERT", "KEY") if settings.tls_cert else ("KEY", "CERT")
        return f"DAYTRADER_TLS_{given} is set and DAYTRADER_TLS_{missing} is not: give both, or neither"
    if settings.tls_ca:
        for name, urls in (("TRANSACTION_URLS", settings.transaction_urls), ("AUDIT_URL", settings.audit_url)):
            if plain := next((url for url in map(str.strip, urls.split(",")) if url.startswith("http://")), ""):
                return (
                    f"DAYTRADER_TLS_CA is set, but {plain} in DAYTRADER_{name} would be asked without TLS: say https://"
                )
    if settings.auth_mode == "required" and not (settings.data_uri or settings.data_dir):
        return "DAYTRADER_AUTH_MODE=required, but nothing says where tokens are kept: give DAYTRADER_DATA_URI"
    try:
        networks(settings.trusted_proxies)
    except ValueError as error:
        return f"DAYTRADER_TRUSTED_PROXIES is no list of networks: {error}"
    if settings.redis_ca and not settings.redis_url.startswith("rediss://"):
        return "DAYTRADER_REDIS_CA is set, but DAYTRADER_REDIS_URL does not begin with rediss://: it would not be used"
    if bool(settings.breaking_instance) != bool(settings.breaking_record):
        return "DAYTRADER_BREAKING_INSTANCE and DAYTRADER_BREAKING_RECORD go together: give both, or neither"
    if settings.checkpoint_records < 1:
        return f"DAYTRADER_CHECKPOINT_RECORDS={settings.checkpoint_records} is no number of records: give 1 or more"
    if settings.journal_format not in READABLE:
        known = ", ".join(map(str, sorted(READABLE)))
        return f"DAYTRADER_JOURNAL_FORMAT={settings.journal_format} is none that this build knows: give one of {known}"
    return ""


_NOT_OURS = frozenset({"workloads", "seeds", "ca", "url", "user", "token", "token_file"})
"""Variables of the same prefix that tests and the commands of clients read."""
