"""What a mail server's refusals mean for a grant, in the middle of a call."""

from tests.mail.mailbox import OWNER, Owner, mail
from tests.peers.dovecot import Dovecot
from tests.support import Tenant, data, problem


def test_a_refused_password_counts_as_at_a_probe(tenant: Tenant, grant: str, owner: Owner, dovecot: Dovecot) -> None:
    owner.put(mail(1))
    with dovecot.refusing(OWNER):
        first = problem(tenant.get(f"{grant}/folders"))
        health = data(tenant.get(grant))
        again = problem(tenant.get(f"{grant}/messages"))
    # A password that has worked is asked once more before its grant ends; until then the server is left alone.
    assert first[:2] == (503, "service_unavailable")
    assert again[:2] == first[:2]
    assert health["grant_status"] == "valid"


def test_an_open_session_needs_no_new_login(tenant: Tenant, grant: str, owner: Owner, dovecot: Dovecot) -> None:
    owner.put(mail(1))
    assert len(data(tenant.get(f"{grant}/messages?in=INBOX"))) == 1
    with dovecot.refusing(OWNER):
        assert len(data(tenant.get(f"{grant}/messages?in=INBOX"))) == 1


def test_a_blocked_grant_is_refused_though_its_session_is_open(tenant: Tenant, grant: str, owner: Owner) -> None:
    assert tenant.get(f"{grant}/folders").status_code == 200
    tenant.server.rows("update grants set blocked = $1 where id = $2", True, grant.rpartition("/")[2])
    assert problem(tenant.get(f"{grant}/folders"))[0] == 423
