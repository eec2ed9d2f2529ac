"""/metrics: what a running server tells of its conversations with iCloud and Exchange."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import LiveServer, Tenant

NOBODY = "127.0.0.1", "9"
"""Host and port where nothing listens."""


@pytest.fixture(scope="module")
def server(log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One that finds no provider at home."""
    host, port = NOBODY
    env = {
        "OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
        **{f"OPENGRANT_ICLOUD__{leg}_HOST": host for leg in ("IMAP", "SMTP")},
        **{f"OPENGRANT_ICLOUD__{leg}_PORT": port for leg in ("IMAP", "SMTP")},
        "OPENGRANT_ICLOUD__CALDAV_URL": f"https://{host}:{port}/",
    }
    with LiveServer(env, tmp_path_factory.mktemp("calls"), log_stream) as live:
        yield live


def not_connected(tenant: Tenant, provider: str, leg: str) -> tuple[float, float]:
    """How many conversations did not get through, and how many were timed."""
    wanted = {"provider": provider, "leg": leg}
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(tenant.get("/metrics").text)
        for sample in family.samples
        if sample.labels in (wanted, {**wanted, "outcome": "connect"})
    }
    calls, timed = "opengrant_provider_calls_total", "opengrant_provider_call_seconds_count"
    return found.get(calls, 0), found.get(timed, 0)


@pytest.mark.parametrize(
    ("provider", "leg", "settings"),
    [
        ("icloud", "imap", {"username": "fay@icloud.com", "password": "abcd-efgh-ijkl-mnop"}),
        ("icloud", "smtp", {"username": "fay@icloud.com", "password": "abcd-efgh-ijkl-mnop"}),
        ("icloud", "caldav", {"username": "fay@icloud.com", "password": "abcd-efgh-ijkl-mnop"}),
        ("ews", "ews", {"ews_username": "gil@example.com", "ews_password": "p", "ews_host": NOBODY[0], "ews_port": 9}),
    ],
)
def test_a_conversation_with_each_leg_is_counted_and_timed(
    tenant: Tenant, provider: str, leg: str, settings: dict[str, object]
) -> None:
    tenant.connector(provider)
    # The numbers are the process's, and other servers of this run may have added to them.
    calls, timed = not_connected(tenant, provider, leg)
    assert tenant.connect(provider, settings).status_code >= 500
    assert not_connected(tenant, provider, leg) == (calls + 1, timed + 1)
