"""Drafts at a mail server that has no room for them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.mail.mailbox import Owner
from tests.mail.test_drafts import FOLDER, path
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, problem

QUOTA = """
mail_plugins = quota
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=200K
  quota_grace = 0
}
"""


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(more=QUOTA) as small:
        yield small


@pytest.fixture(scope="module")
def server(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(dovecot.settings(), tmp_path_factory.mktemp("small")) as live:
        yield live


def test_what_finds_no_room_is_refused_in_the_servers_words_and_the_old_version_stays(
    tenant: Tenant, grant: str, owner: Owner
) -> None:
    owner.make(FOLDER)
    made = data(tenant.post(f"{grant}/drafts", {"subject": "Small"}))
    large: dict[str, Any] = {"subject": "Large", "body": "x" * 400_000}
    for answer in (tenant.post(f"{grant}/drafts", large), tenant.put(path(grant, made["id"]), large)):
        status, type_, message = problem(answer)
        assert (status, type_) == (400, "invalid_request_error")
        assert "Quota exceeded" in message
    assert data(tenant.get(f"{grant}/drafts")) == [made]
    assert owner.count(FOLDER) == 1
