"""Checks that need no database: settings, data directory, disk, public URL, the certificate of the mail proxy."""

import stat
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509

from opengrant.operations.readiness import LEAST_ROOM, room
from opengrant.server.doctor.finding import Finding, State
from opengrant.server.mail_ports import CannotProxy, tls_of
from opengrant.settings import Settings, say_unknown, unknown

_LITTLE_ROOM = 512 * 1024 * 1024
_ENDS_SOON = timedelta(days=14)


def unknown_settings(environment: Iterable[str]) -> list[Finding]:
    return [Finding(f"setting {name}", "failed", say_unknown(name, nearest)) for name, nearest in unknown(environment)]


def data_dir(settings: Settings) -> Finding:
    path, name = settings.data_dir.absolute(), "data directory"
    if not path.exists():
        needed = settings.database_url is None or settings.master_keys is None
        text = (
            "does not exist yet; `opengrant serve` makes it"
            if needed
            else "is not needed: database and keys are elsewhere"
        )
        return Finding(name, "ok", f"{path} {text}")
    keys = path / "master.keys"
    for file in (keys, path / "opengrant.db"):
        if file.exists() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return Finding(name, "failed", f"{file} is open to other users of this machine: chmod 600 {file}")
    if keys.exists() and settings.master_keys is None:
        return Finding(name, "ok", f"{path}; back up {keys} apart from the database, nothing can be read without it")
    return Finding(name, "ok", str(path))


def disk(settings: Settings) -> Finding:
    path = settings.data_dir.absolute()
    there = next(place for place in (path, *path.parents) if place.exists())
    left = room(there)
    if left is None:
        return Finding("disk", "ok", f"{there} does not tell how much room it has")
    text = f"{left // 1024**2:,} MiB are left for {path}"
    if left < LEAST_ROOM:
        return Finding("disk", "failed", f"{text}: make room, the server is not ready with less than 16")
    if left < _LITTLE_ROOM:
        return Finding("disk", "warning", f"{text}: make room before it is full")
    return Finding("disk", "ok", text)


def public_url(settings: Settings) -> Finding:
    name = "public URL"
    if settings.public_url is None:
        text = (
            "OPENGRANT_PUBLIC_URL is not set, so links, cookies and redirect URIs are made from each request's Host"
            " header: set it to the https address that browsers use, unless this is a trial on this machine"
        )
        return Finding(name, "ok" if _is_local(settings.host) else "warning", text)
    parts = urlsplit(settings.public_url)
    if parts.scheme != "https" and not _is_local(parts.hostname or ""):
        text = (
            f"{settings.public_url} is no https: passwords and cookies cross the network in the clear, and providers"
            " refuse such redirect URIs. Put TLS in front and set OPENGRANT_PUBLIC_URL to the https address"
        )
        return Finding(name, "failed", text)
    return Finding(name, "ok", settings.public_url)


def mail_proxy(settings: Settings) -> list[Finding]:
    """Nothing where its ports are not set."""
    name, proxy = "mail proxy", settings.proxy
    if proxy.imap_port is None and proxy.smtp_port is None:
        return []
    try:
        tls_of(proxy)
    except CannotProxy as problem:
        return [Finding(name, "failed", str(problem))]
    if proxy.certificate is None:
        return [Finding(name, "ok", f"without TLS, at {proxy.host}")]
    ends = x509.load_pem_x509_certificates(proxy.certificate.read_bytes())[0].not_valid_after_utc
    text = f"its certificate is valid until {ends:%Y-%m-%d}"
    if (left := ends - datetime.now(UTC)) > _ENDS_SOON:
        return [Finding(name, "ok", text)]
    state: State = "warning" if left > timedelta(0) else "failed"
    return [Finding(name, state, f"{text}: renew it, and restart the server, which reads it at the start")]


def _is_local(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")
