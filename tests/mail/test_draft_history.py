"""Any history of drafts, changed by the API and by a mail program at once, ends in one view."""

import base64
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.mail import test_send
from tests.mail.mailbox import Owner, mail
from tests.support import Tenant, data

FOLDER = "Entwuerfe"
TO = [{"email": "ana@example.com"}]
grant = test_send.grant
_subjects = st.sampled_from(["One", "Zwei ä", "", "three"])
_files = st.lists(st.binary(max_size=20), max_size=2)


def test_a_history_of_drafts(tenant: Tenant, grant: str, owner: Owner) -> None:
    owner.make(FOLDER)
    owner.make("Sent")

    class Machine(Drafts):
        def __init__(self) -> None:
            super().__init__(tenant, grant, owner)

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=settings(
            max_examples=5,
            stateful_step_count=12,
            derandomize=True,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )


class Drafts(RuleBasedStateMachine):
    """known: id → what the API is to show of a draft."""

    drafts = Bundle("drafts")

    def __init__(self, tenant: Tenant, grant: str, owner: Owner) -> None:
        super().__init__()
        self.tenant, self.grant, self.owner = tenant, grant, owner
        self.known = dict[str, dict[str, Any]]()
        self.sent = list[str]()

    @initialize()
    def begin(self) -> None:
        for folder in (FOLDER, "Sent"):
            self.owner.client.select(folder)
            self.owner.client.uid("STORE", "1:*", "+FLAGS", "\\Deleted")
            self.owner.client.expunge()

    # By the API.

    @rule(target=drafts, subject=_subjects, files=_files, starred=st.booleans())
    def create(self, subject: str, files: list[bytes], starred: bool) -> str:
        sent = {"to": TO, "subject": subject, "starred": starred, "attachments": _attached(files)}
        made = data(self.tenant.post(f"{self.grant}/drafts", sent))
        self.known[made["id"]] = {"subject": subject, "starred": starred, "files": len(files)}
        return str(made["id"])

    @rule(id_=drafts, subject=_subjects, files=st.none() | _files, starred=st.none() | st.booleans())
    def change(self, id_: str, subject: str, files: list[bytes] | None, starred: bool | None) -> None:
        sent = {"subject": subject, "starred": starred, "attachments": None if files is None else _attached(files)}
        changed = data(self.tenant.put(self._path(id_), sent))
        said = {"subject": subject, "starred": starred, "files": None if files is None else len(files)}
        self.known[id_] |= {name: value for name, value in said.items() if value is not None}
        assert _said(changed) == self.known[id_]
        assert len(self._versions(id_)) == 1

    @rule(id_=drafts, starred=st.booleans())
    def star(self, id_: str, starred: bool) -> None:
        assert data(self.tenant.put(self._path(id_), {"starred": starred}))["starred"] is starred
        self.known[id_]["starred"] = starred

    @rule(id_=consumes(drafts))
    def delete(self, id_: str) -> None:
        assert self.tenant.delete(self._path(id_)).status_code == 200
        assert self._versions(id_) == []
        del self.known[id_]

    @rule(id_=consumes(drafts))
    def send(self, id_: str) -> None:
        sent = data(self.tenant.http.post(self._path(id_)))
        said = self.known.pop(id_)
        assert (sent["subject"], len(sent["attachments"])) == (said["subject"], said["files"])
        assert self._versions(id_) == []
        self.sent.append(sent["id"])

    # By the mail program.

    @rule(target=drafts, number=st.integers(1, 10**6), subject=_subjects)
    def write(self, number: int, subject: str) -> str:
        id_ = f"<{len(self.known)}.{number}@example.com>"
        self._put(id_, subject)
        return id_

    @rule(id_=drafts, subject=_subjects)
    def write_anew(self, id_: str, subject: str) -> None:
        """Without erasing what was there: as the API, where it dies in the middle of a change."""
        self._put(id_, subject)

    @rule(id_=drafts)
    def flag(self, id_: str) -> None:
        self._mark(self._versions(id_)[-1:], "\\Flagged")
        self.known[id_]["starred"] = True

    @rule(id_=consumes(drafts))
    def throw_away(self, id_: str) -> None:
        self._mark(self._versions(id_), "\\Deleted")
        self.owner.client.expunge()
        del self.known[id_]

    @invariant()
    def one_view(self) -> None:
        listed = data(self.tenant.get(f"{self.grant}/drafts?limit=200&select=id,subject,starred,attachments"))
        assert {one["id"]: _said(one) for one in listed} == self.known
        assert len(listed) == len(self.known), "each once"
        if self.sent:
            copies = data(self.tenant.get(f"{self.grant}/messages?in=Sent&limit=200&select=id"))
            assert sorted(one["id"] for one in copies) == sorted(self.sent)

    def _path(self, id_: str) -> str:
        return f"{self.grant}/drafts/{quote(id_, safe='')}"

    def _put(self, id_: str, subject: str) -> None:
        self.owner.put(mail(0, subject=subject, Message_ID=id_), folder=FOLDER, flags="\\Draft \\Seen")
        self.known[id_] = {"subject": subject, "starred": False, "files": 0}

    def _versions(self, id_: str) -> list[bytes]:
        self.owner.client.select(FOLDER)
        found: bytes = self.owner.client.uid("SEARCH", "HEADER", "MESSAGE-ID", f'"{id_}"')[1][0]
        return found.split()

    def _mark(self, uids: list[bytes], flag: str) -> None:
        self.owner.client.uid("STORE", b",".join(uids).decode(), "+FLAGS", flag)


def _attached(files: list[bytes]) -> list[dict[str, str]]:
    return [{"filename": "f.bin", "content": base64.b64encode(content).decode()} for content in files]


def _said(draft: dict[str, Any]) -> dict[str, Any]:
    return {"subject": draft["subject"], "starred": draft["starred"], "files": len(draft["attachments"])}
