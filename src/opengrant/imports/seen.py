"""What rows of an input have in common: a token, a mailbox, an id that an earlier line has too.

Digests are in a temporary file of SQLite, so that memory does not grow with the input. They are keyed with bytes that
only this process has: the file tells nothing of the tokens.
"""

import os
import sqlite3
from collections.abc import Sequence
from hashlib import blake2b

from opengrant.model import mailbox_key
from opengrant.model.imports import ImportRow
from opengrant.model.logins import (
    AgentAccountLogin,
    EwsLogin,
    ICloudLogin,
    ImapLogin,
    OAuthLogin,
    OrganisationLogin,
    VirtualCalendarLogin,
)

_CACHE_KB = 65_536
TOGETHER = 500
"""Rows that are compared at once."""


class Seen:
    """Remembers rows until it is closed."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._file = sqlite3.connect("", isolation_level=None)  # an empty name: a file that is gone with the process
        self._file.execute("pragma journal_mode = off")
        self._file.execute("pragma synchronous = off")
        self._file.execute("pragma page_size = 8192")
        self._file.execute(f"pragma cache_size = -{_CACHE_KB}")
        self._file.execute("create table seen (digest integer primary key, line integer not null)")

    def close(self) -> None:
        self._file.close()

    def repeats(self, rows: Sequence[ImportRow]) -> dict[int, tuple[str, int]]:
        """Remember rows. Returns, by the line of each that repeats an earlier one, what it repeats and that line.

        A row that repeats another one is not remembered: what only it has is free for a later one.
        """
        marks = [self._marks(row) for row in rows]
        # In order, because neighbours are written faster.
        entries = sorted((digest, row.line) for row, of_row in zip(rows, marks, strict=True) for _, digest in of_row)
        before = self._file.total_changes
        self._file.execute("begin")
        self._file.executemany("insert or ignore into seen values (?, ?)", entries)
        new = self._file.total_changes - before
        # Nearly always no row repeats anything. There is no journal, so nothing can be rolled back.
        found = {} if new == len(entries) else self._one_by_one(rows, marks)
        self._file.execute("commit")
        return found

    def _one_by_one(
        self, rows: Sequence[ImportRow], marks: Sequence[list[tuple[str, int]]]
    ) -> dict[int, tuple[str, int]]:
        found: dict[int, tuple[str, int]] = {}
        for row, of_row in zip(rows, marks, strict=True):
            for what, digest in of_row:
                self._file.execute("insert or ignore into seen values (?, ?)", (digest, row.line))
                ((first,),) = self._file.execute("select line from seen where digest = ?", (digest,))
                if first != row.line:
                    found[row.line] = (what, int(first))
                    mine = [(other, row.line) for _, other in of_row]
                    self._file.executemany("delete from seen where digest = ? and line = ?", mine)
                    break
        return found

    def _marks(self, row: ImportRow) -> list[tuple[str, int]]:
        """What no other row may have, in the words of a message, with its digest."""
        ask = row.ask
        marks = [(what, self._digest(f"{what} {value}")) for what, value in _owns(row) if value]
        if isinstance(ask.login, OAuthLogin):
            token = ask.login.refresh_token.get_secret_value()
            marks.append(("refresh token", self._digest(f"{ask.provider} token {token}")))
        return marks

    def _digest(self, text: str) -> int:
        digest = blake2b(text.encode(errors="surrogatepass"), key=self._key, digest_size=8).digest()
        return int.from_bytes(digest, "little", signed=True)


def _owns(row: ImportRow) -> tuple[tuple[str, str | None], ...]:
    address = address_of(row)
    return (
        ("id", row.key),
        ("grant_id", row.grant_id),
        ("external_id", row.ask.external_id),
        ("mailbox", None if address is None else f"{row.ask.provider} {mailbox_key(row.ask.provider, address)}"),
    )


def address_of(row: ImportRow) -> str | None:
    """The mailbox that a row says it is. None for a token, whose owner only its provider knows."""
    match row.ask.login:
        case ImapLogin() as login:
            return login.email or login.imap_username
        case EwsLogin() as login:
            return login.email or login.ews_username
        case ICloudLogin() as login:
            return login.username
        case OrganisationLogin() as login:
            return login.email_address
        case AgentAccountLogin() | VirtualCalendarLogin() as login:
            return login.email
        case _:
            return None
