"""What rows of an input have in common: a token, a mailbox, an id that an earlier line has too.

Digests are in a temporary file of SQLite, so that memory does not grow with the input. They are Python's own hashes of
texts: 64 bits, with a key that only this process has, so that the file tells nothing of the tokens. Of a million rows,
one is refused by mistake in one of two million imports.
"""

import sqlite3
from collections.abc import Sequence

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

_CACHE_KB = 98_304
"""Holds the digests of a million rows with four things in common to compare; with two thirds of it, the last tenth took
a third longer."""
TOGETHER = 500
"""Rows that are compared at once."""


class Seen:
    """Remembers rows until it is closed."""

    def __init__(self) -> None:
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
        marks = [_marks(row) for row in rows]
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


def _marks(row: ImportRow) -> list[tuple[str, int]]:
    """What no other row may have, in the words of a message, with its digest."""
    ask = row.ask
    marks = []
    if row.key is not None:
        marks.append(("id", hash(f"id {row.key}")))
    if row.grant_id is not None:
        marks.append(("grant_id", hash(f"grant_id {row.grant_id}")))
    if ask.external_id is not None:
        marks.append(("external_id", hash(f"external_id {ask.external_id}")))
    if isinstance(ask.login, OAuthLogin):
        marks.append(("refresh token", hash(f"{ask.provider} token {ask.login.refresh_token.get_secret_value()}")))
    elif (address := address_of(row)) is not None:
        marks.append(("mailbox", hash(f"{ask.provider} mailbox {mailbox_key(ask.provider, address)}")))
    return marks


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
