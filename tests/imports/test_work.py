"""The work of imports: rows become grants, as POST /v3/connect/custom makes them."""

from tests.fakes.oauth import FakeOAuth
from tests.imports.stored import oauth_row, stored
from tests.nodes.node import consent
from tests.support import Tenant


def test_rows_become_grants_and_nothing_of_the_input_is_left(tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("google")
    rows = [oauth_row(line, consent(provider, "google", f"u{line}@example.com")) for line in range(1, 121)]
    done = stored(tenant, rows, size=50).work()
    assert done.outcomes() == {"created": 120}
    assert done.counts() == {"created": 120}
    assert (done.state, done.secrets(), tenant.grants()) == ("finished", 0, 120)
