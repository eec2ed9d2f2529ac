"""Odd and hostile messages in a mailbox of Dovecot: every call for every one of them has a clear answer."""

from email import message_from_bytes

import pytest

from tests.mail.mailbox import Owner
from tests.mail.mime.corpus import BADLY, WELL
from tests.mail.mime.rfcs import RFCS
from tests.mail.mime.test_hostile import MESSAGES
from tests.mail.test_messages import path
from tests.support import Tenant, data

COSTLY = {name: MESSAGES[name]() for name in ("10,000 parts", "1,000 levels", "a header line of 2 MB")}
ALL = {name: raw for name, raw in (WELL | RFCS | BADLY | COSTLY).items() if raw}
MOST_OF_EACH = 2
"""Attachments of a message that are downloaded."""


@pytest.mark.timeout(120)
def test_every_call_for_every_message_is_answered(tenant: Tenant, grant: str, owner: Owner) -> None:
    for number, raw in enumerate(ALL.values()):
        owner.put(raw, after=number)
    listed = data(tenant.get(f"{grant}/messages?in=INBOX&limit=200"))
    assert len(listed) == len(ALL)
    for one, name in zip(reversed(listed), ALL, strict=True):
        at = path(grant, one["id"])
        got = data(tenant.get(at))
        assert {**got, "body": ""} == {**one, "body": ""}, name
        assert got["body"].startswith(one["body"][:1000]), name
        for part in one["attachments"][:MOST_OF_EACH]:
            answer = tenant.get(f"{at}/attachments/{part['id']}/download")
            assert answer.status_code == 200, (name, answer.text)
    for one in listed[: len(COSTLY)]:
        assert tenant.get(f"{path(grant, one['id'])}?fields=raw_mime").status_code == 200


@pytest.mark.parametrize("name", ["2231 in pieces", "2183 inline and attached", "2046 parallel"])
def test_attachments_are_those_that_python_finds(tenant: Tenant, grant: str, owner: Owner, name: str) -> None:
    owner.put(RFCS[name])
    (one,) = data(tenant.get(f"{grant}/messages?in=INBOX"))
    files = [
        part
        for part in message_from_bytes(RFCS[name]).walk()
        if part.get_content_maintype() not in ("text", "multipart")
    ]
    wanted = [part.get_payload(decode=True) for part in files]
    at = f"{path(grant, one['id'])}/attachments"
    assert [tenant.get(f"{at}/{part['id']}/download").content for part in one["attachments"]] == wanted
