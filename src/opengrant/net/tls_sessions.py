"""TLS sessions that the next handshake with the same server resumes, at two thirds of its CPU.

A resumed handshake proves that the server is the one whose certificate was checked when the session began; the
certificate is not looked at again. So a session is used for five minutes from that check, as a connection that had
stayed open would be, and what comes of a resumed handshake is never kept. Another machine of that name cannot resume
it, and has to show a certificate.
"""

import ssl
import time
from collections import OrderedDict

KEPT = 300.0
"""Seconds from the full handshake."""
MOST = 256
"""Servers; the longest unused is forgotten first."""


class TlsSessions:
    """Of one SSLContext. Servers are told apart by name and port."""

    def __init__(self) -> None:
        self._kept = OrderedDict[tuple[str, int], tuple[ssl.SSLSession | None, float]]()

    def find(self, host: str, port: int) -> ssl.SSLSession | None:
        session, until = self._kept.get((host, port), (None, 0.0))
        if session is None or until < time.monotonic():
            return None
        self._kept.move_to_end((host, port))
        return session

    def keep(self, host: str, port: int, tls: ssl.SSLObject | None) -> None:
        """After a dialogue that went well. The session of a resumed handshake is not kept."""
        if tls is None or tls.session_reused:
            return
        _, until = self._kept.get((host, port), (None, 0.0))
        if until > time.monotonic():
            return  # reading a session costs a tenth of a handshake
        if (session := tls.session) is not None and session.has_ticket:
            self._put(host, port, session)

    def refuse(self, host: str, port: int) -> None:
        """After a handshake that failed with a session: this server gets full ones for a while."""
        self._put(host, port, None)

    def _put(self, host: str, port: int, session: ssl.SSLSession | None) -> None:
        self._kept[host, port] = session, time.monotonic() + KEPT
        self._kept.move_to_end((host, port))
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
