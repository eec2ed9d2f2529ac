"""Any history of a mailbox: what was told of it, put onto what was there at first, is what is there at the end."""

import contextlib
import imaplib
import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from opengrant.mail import ids
from opengrant.mail.reach import Reach
from opengrant.net.imap.names import decode_name
from tests.mail.mailbox import Owner, mail
from tests.mail.test_watching import Told, polled, told
from tests.net.imap.test_changes import LACKS
from tests.nodes.node import until

__all__ = ["polled", "told"]

FOLDERS = ("INBOX", "Work", "B&APw-ro", "Papierkorb")
_folder, _which = st.sampled_from(FOLDERS), st.integers(1, 6)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _folder),
        st.tuples(st.just("flag"), _folder, _which, st.sampled_from(["+FLAGS", "-FLAGS"]), st.booleans()),
        st.tuples(st.sampled_from(["move", "copy"]), _folder, _which, _folder),
        st.tuples(st.just("erase"), _folder, _which),
        st.tuples(st.just("make"), _folder),
        st.tuples(st.just("remove"), _folder),
        st.tuples(st.just("rename"), _folder, _folder),
        st.tuples(st.just("look")),
    ),
    min_size=10,
    max_size=40,
)


class History:
    """What an owner does, and what the receiver of events knows. messages: id → folders, unread, starred."""

    def __init__(self, told: Told, owner: Owner, lacks: str) -> None:
        self.told, self.owner, self.lacks = told, owner, lacks
        self.count = self.seen = 0
        told.look()
        self.folders, self.messages = self._names(), dict[str, Any]()

    def put(self, folder: str) -> None:
        self.count += 1
        self.owner.client.append(folder, "", None, mail(self.count, html=None))

    def flag(self, folder: str, which: int, how: str, star: bool) -> None:
        if self.lacks != "neither" or folder == "INBOX":
            self._on(folder, which, "STORE", how, "\\Flagged" if star else "\\Seen")

    def move(self, folder: str, which: int, into: str) -> None:
        self._on(folder, which, "MOVE", into)

    def copy(self, folder: str, which: int, into: str) -> None:
        self._on(folder, which, "COPY", into)

    def erase(self, folder: str, which: int) -> None:
        self._on(folder, which, "STORE", "+FLAGS", "\\Deleted")

    def make(self, folder: str) -> None:
        self.owner.client.create(folder)

    def remove(self, folder: str) -> None:
        if folder != "INBOX":
            self.owner.client.delete(folder)

    def rename(self, folder: str, name: str) -> None:
        if "INBOX" not in {folder, name}:
            self.owner.client.rename(folder, name)

    def _on(self, folder: str, which: int, *command: str) -> None:
        client = self.owner.client
        if client.select(folder)[0] == "OK":
            if command[-1] != folder:
                with contextlib.suppress(imaplib.IMAP4.error):  # there are not so many
                    client._simple_command(command[0], str(which), *command[1:])
            client.expunge()
            client.close()

    def look(self) -> None:
        self.told.look()
        self.hear()
        assert self.folders == self._names()
        assert self.messages == self._there()

    def is_right(self) -> bool:
        """Dovecot closes the session in which a folder is open that is renamed: then the watch begins again."""
        self.told.go_on()
        self.hear()
        return self.folders == self._names() and self.messages == self._there()

    def hear(self) -> None:
        sql = "select type, payload from deliveries where application_id = $1 order by seq"
        rows = self.told.tenant.server.rows(sql, self.told.tenant.application.id)
        for type_, payload in rows[self.seen :]:
            self._hear(type_, json.loads(payload))
        self.seen = len(rows)

    def _names(self) -> set[str]:
        return {ids.folder_id(decode_name(one.encode())) for one in self.owner.folders()}

    def _hear(self, type_: str, one: Mapping[str, Any]) -> None:
        match type_.split("."):
            case ["folder", "created"]:
                assert one["id"] not in self.folders
                self.folders.add(one["id"])
            case ["folder", "deleted"]:
                self.folders.remove(one["id"])
            case ["message", "deleted"]:
                del self.messages[one["id"]]
            case ["message", change] if change in ("created", "updated"):
                assert (one["id"] in self.messages) == (change == "updated"), type_
                shown = sorted(one["folders"]), (one["unread"], one["starred"]) if len(one["folders"]) == 1 else None
                assert self.messages.get(one["id"]) != shown or len(one["folders"]) > 1, "told twice"
                self.messages[one["id"]] = shown

    def _there(self) -> dict[str, Any]:
        found = dict[str, Any]()
        for wire in self.owner.folders():
            client = self.owner.client
            client.select(wire, readonly=True)
            for line in client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
                if isinstance(line, tuple):
                    id_ = line[1].split(b":", 1)[1].strip().decode()
                    lies, flags = found.get(id_, ([], None))
                    if not lies:  # of several with one id in one folder, the first counts
                        flags = b"\\Seen" not in line[0], b"\\Flagged" in line[0]
                    lies = sorted({*lies, ids.folder_id(decode_name(wire.encode()))})
                    found[id_] = lies, flags if len(lies) == 1 else None
            client.close()
        return found


@pytest.mark.parametrize("lacks", LACKS)
def test_what_was_told_leads_to_what_is_there(
    told: Told, owner: Owner, lacks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Reach.open

    async def less(*args: Any) -> Any:
        session = await whole(*args)
        session.offers -= LACKS[lacks]
        return session

    monkeypatch.setattr(Reach, "open", less)
    history = History(told, owner, lacks)

    @settings(
        max_examples=5,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS)
    def run(steps: list[tuple[Any, ...]]) -> None:
        for name, *more in steps:
            getattr(history, name)(*more)
        history.look()

    run()
    assert history.count >= 10, "the simplest history, always the first, is ten new messages"


def test_changes_while_the_mailbox_is_looked_at_are_told_too(
    told: Told, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, watching = History(told, owner, "qresync"), told.tenant.server.services.watching
    monkeypatch.setattr(watching.watcher.room, "_most", 10)
    monkeypatch.setattr(type(watching.watcher.terms), "every", 0.5)
    told.start()
    chance = random.Random(7)
    for _ in range(200):
        folder, other, which = chance.choice(FOLDERS), chance.choice(FOLDERS), chance.randint(1, 6)
        match chance.choice(("put", "put", "flag", "move", "move", "copy", "erase", "make", "rename")):
            case "put" | "make" as name:
                getattr(history, name)(folder)
            case "flag":
                history.flag(folder, which, "+FLAGS", star=chance.random() < 0.5)
            case "move" | "copy" as name:
                getattr(history, name)(folder, which, other)
            case "erase":
                history.erase(folder, which)
            case "rename":
                history.rename(folder, other)
        history.hear()
    until(history.is_right, "what was told is not what is there")
    assert history.count > 10
