"""A client of the API and a mail program change one mailbox at the same time: in the end both see the same."""

import contextlib
import imaplib
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from opengrant.mail.ids import folder_id
from opengrant.net.imap.names import decode_name, encode_name
from tests.mail.mailbox import Owner, mail, owner_of
from tests.mail.test_messages import path
from tests.peers.cyrus import Cyrus
from tests.peers.dovecot import Dovecot
from tests.support import Tenant, data

NAMES = ("Work", "Home", "Über uns", "A & B")
NUMBERS = range(6)
PASSING = ("please relogin", "INUSE", "was deleted, have to disconnect")
"""Dovecot's words where two clients delete and change at once: it hangs up, or a lock is held. The API says 504, as it
cannot know whether the change was made."""
View = dict[str, tuple[int, int, Counter[tuple[str, bool, bool]]]]
"""Folder → messages, unread ones, and each with its id, unread and starred."""

Changes = list[tuple[Any, ...]]


def changes(chance: random.Random, count: int) -> Changes:
    def number() -> int:
        return chance.choice(NUMBERS)

    def name(*more: str) -> str:
        return chance.choice((*more, *NAMES))

    kinds: list[Callable[[], tuple[Any, ...]]] = [
        lambda: ("mark", number(), chance.random() < 0.5, chance.random() < 0.5),
        lambda: ("move", number(), name("INBOX")),
        lambda: ("delete", number()),
        lambda: ("put", number(), name("INBOX")),
        lambda: ("create", name()),
        lambda: ("rename", name(), name()),
        lambda: ("remove", name()),
    ]
    return [chance.choice(kinds)() for _ in range(count)]


class Client:
    """Of the API. Each answer is a success, or says what is not there, or that the server hung up."""

    def __init__(self, tenant: Tenant, grant: str) -> None:
        self.tenant, self.grant = tenant, grant

    def do(self, change: tuple[Any, ...]) -> None:
        match change:
            case "mark", number, unread, starred:
                answer = self.tenant.put(self._message(number), {"unread": unread, "starred": starred})
            case "move", number, name:
                answer = self.tenant.put(self._message(number), {"folders": [folder_id(name)]})
            case "delete", number:
                answer = self.tenant.delete(self._message(number))
            case "put", number, name:  # only the mail program can
                answer = self.tenant.get(f"{self.grant}/messages?in={folder_id(name)}&select=id,unread")
            case "create", name:
                answer = self.tenant.post(f"{self.grant}/folders", {"name": name})
            case "rename", name, other:
                answer = self.tenant.put(f"{self.grant}/folders/{folder_id(name)}", {"name": other})
            case "remove", name:
                answer = self.tenant.delete(f"{self.grant}/folders/{folder_id(name)}")
        if answer.status_code not in (200, 400, 404) and not any(words in answer.text for words in PASSING):
            pytest.fail(f"{change}: {answer.text}")

    def _message(self, number: int) -> str:
        return path(self.grant, f"<{number}@example.com>")

    def view(self) -> View:
        seen: View = {}
        for folder in data(self.tenant.get(f"{self.grant}/folders")):
            listed = data(self.tenant.get(f"{self.grant}/messages?in={folder['id']}&select=id,unread,starred"))
            messages = Counter((one["id"], one["unread"], one["starred"]) for one in listed)
            seen[folder["name"]] = folder["total_count"], folder["unread_count"], messages
        return seen


class Program:
    """A mail program, by imaplib. What the server refuses is not done."""

    def __init__(self, server: Dovecot | Cyrus) -> None:
        self._server, self.owner = server, Owner(server)

    def close(self) -> None:
        self.owner.client.shutdown()

    def do(self, change: tuple[Any, ...]) -> None:
        try:
            self._do(change)
        except imaplib.IMAP4.abort:  # the open folder was deleted by the other client, and Dovecot hangs up
            self.owner.client.shutdown()
            self.owner = Owner(self._server)

    def _do(self, change: tuple[Any, ...]) -> None:
        client = self.owner.client
        match change:
            case "mark", number, unread, starred:
                signs = {"\\Seen": "-" if unread else "+", "\\Flagged": "+" if starred else "-"}
                for flag, sign in signs.items():
                    self._each(number, lambda uid, flag=flag, sign=sign: ("STORE", uid, f"{sign}FLAGS", flag))
            case "move", number, name:
                self._each(number, lambda uid: ("MOVE", uid, wire(name)))
            case "delete", number:
                self._each(number, lambda uid: ("STORE", uid, "+FLAGS", "\\Deleted"))
                with contextlib.suppress(imaplib.IMAP4.error):  # no folder is open
                    client.expunge()
            case "put", number, name:
                with contextlib.suppress(AssertionError):
                    self.owner.put(mail(number, html=None), folder=wire(name).strip('"'))
            case "create", name:
                client.create(wire(name))
            case "rename", name, other:
                client.rename(wire(name), wire(other))
            case "remove", name:
                client.delete(wire(name))

    def _each(self, number: int, command: Callable[[str], tuple[str, ...]]) -> None:
        """Do it with this message, in the first of the folders that has it."""
        for name in ("INBOX", *NAMES):
            if self.owner.client.select(wire(name))[0] != "OK":
                continue
            found = self.owner.client.uid("SEARCH", "HEADER", "Message-ID", f"<{number}@example.com>")[1][0]
            if found:
                self.owner.client.uid(*command(found.split()[0].decode()))
                return


def wire(name: str) -> str:
    return f'"{encode_name(name).decode()}"'


def view_of(owner: Owner) -> View:
    """As the server has it, by a session that has seen nothing before."""
    seen: View = {}
    for name in owner.folders():
        assert owner.client.select(f'"{name}"', readonly=True)[0] == "OK"
        found = owner.client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]
        messages = Counter[tuple[str, bool, bool]]()
        for one in found:
            if isinstance(one, tuple):
                flags = {flag.decode().lower() for flag in imaplib.ParseFlags(one[0])}
                id_ = re.search(r"<.*>", one[1].decode())
                assert id_ is not None
                messages[id_[0], "\\seen" not in flags, "\\flagged" in flags] += 1
        unread = sum(count for (_, unread, _), count in messages.items() if unread)
        seen[decode_name(name.encode())] = messages.total(), unread, messages
    return seen


@pytest.mark.parametrize("seed", range(5))
def test_two_clients_at_once_end_in_the_same_view(tenant: Tenant, grant: str, dovecot: Dovecot, seed: int) -> None:
    with owner_of(dovecot) as owner:
        for number in NUMBERS:
            owner.put(mail(number, html=None), after=number)
        owner.make("Work")
    chance = random.Random(seed)
    client, program = Client(tenant, grant), Program(dovecot)

    def run(one: Client | Program, history: Changes) -> None:
        for change in history:
            one.do(change)

    with ThreadPoolExecutor(2) as pool, contextlib.closing(program):
        for running in [pool.submit(run, one, changes(chance, 12)) for one in (client, program)]:
            running.result()
    with owner_of(dovecot, empty=False) as fresh:
        there, deadline = view_of(fresh), time.monotonic() + 60
        # Dovecot's counts in a list of folders are behind for a moment.
        while (seen := client.view()) != there and time.monotonic() < deadline:
            time.sleep(0.2)
        assert seen == there
