"""`opengrant doctor`: each thing that can be wrong with an installation has a line that says what to do about it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from opengrant.assembly.installation import installation
from opengrant.model import SECOND, now
from opengrant.server.doctor import machine
from opengrant.server.doctor.examine import examine
from opengrant.server.doctor.finding import Finding
from opengrant.settings import Settings
from opengrant.store.engine.port import Statement, Steps
from tests.peers.postgres import Postgres
from tests.peers.processes import free_ports
from tests.support import settings_from

DAY = 86_400 * SECOND


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, dead: int) -> Settings:
    """Whose providers are all at a port where nothing listens."""
    env = {"OPENGRANT_DATA_DIR": str(tmp_path / "data"), "OPENGRANT_DATABASE_POOL": "2"}
    urls = ("YAHOO__TOKEN_URL", "YAHOO__USERINFO_URL", "ZOOM__TOKEN_URL", "ZOOM__API_URL")
    env |= {f"OPENGRANT_{name}": f"http://127.0.0.1:{dead}/" for name in urls}
    env |= {"OPENGRANT_ICLOUD__IMAP_HOST": "127.0.0.1", "OPENGRANT_ICLOUD__SMTP_HOST": "127.0.0.1"}
    env |= {"OPENGRANT_ICLOUD__IMAP_PORT": str(dead), "OPENGRANT_ICLOUD__SMTP_PORT": str(dead)}
    env |= {"OPENGRANT_ICLOUD__CALDAV_URL": "", "OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8"}
    if request.param == "postgres":
        peer: Postgres = request.getfixturevalue("postgres")
        env["OPENGRANT_DATABASE_URL"] = peer.create_database()
    return settings_from(env)


@pytest.fixture
def dead() -> int:
    (port,) = free_ports(1)
    return port


async def prepare(settings: Settings, *statements: tuple[str, Sequence[object]], work: bool = False) -> str:
    """Make the installation, with more in its database. Returns its application's id. `work`: leave a sign of life."""

    def fill() -> Steps[None]:
        for sql, args in statements:
            yield Statement(sql.replace("APP", f"'{made.first[0].id}'" if made.first else ""), tuple(args))

    async with installation(settings) as made:
        await made.services.db.write(fill())
        if work:
            await made.services.overview.worked()
        assert made.first is not None
        return made.first[0].id


def connector(provider: str) -> tuple[str, Sequence[object]]:
    columns = "application_id, id, provider, name, settings, scope, created_at, updated_at"
    return f"insert into connectors ({columns}) values (APP, $1, $1, '', '{{}}', '[]', 1, 1)", (provider,)


def grant(id_: str, provider: str, hosts: dict[str, object], **times: int) -> tuple[str, Sequence[object]]:
    columns = "application_id, id, provider, connector_id, mailbox_key, email, email_key, scope, settings, status"
    more = {"created_at": 1, "updated_at": 1, "asked_at": 1, "version": 1} | times
    values = [id_, provider, id_, json.dumps(hosts), *more.values()]
    places = ", ".join(f"${number}" for number in range(5, 5 + len(more)))
    sql = (
        f"insert into grants ({columns}, {', '.join(more)}) values (APP, $1, $2, $2, $3, $1, $1, '[]', $4, 'valid',"
        f" {places})"
    )
    return sql, values


def webhook(id_: str, status: str, url: str) -> tuple[str, Sequence[object]]:
    columns = "id, url, triggers, emails, compressed, status, status_updated_at, created_at, updated_at"
    sql = f"insert into webhooks (application_id, {columns}) values (APP, $1, $2, '[]', '[]', 0, $3, 1, 1, 1)"
    return sql, (id_, url, status)


def brake(source: str) -> tuple[str, Sequence[object]]:
    columns = "source, kind, reason, members, since, degraded_at, evidence"
    sql = f"insert into brakes (application_id, {columns}) values (APP, $1, 'client', 'bad', '[]', 1, 1, '{{}}')"
    return sql, (source,)


async def found(settings: Settings) -> dict[str, Finding]:
    return {one.name: one for one in await examine(settings)}


def states(findings: dict[str, Finding], *names: str) -> list[str]:
    return [findings[name].state for name in names]


async def test_a_healthy_installation_has_nothing_to_be_done(settings: Settings) -> None:
    await prepare(settings, work=True)
    findings = await found(settings)
    assert {one.state for one in findings.values()} == {"ok"}, findings
    assert {"disk", "public URL", "background work", "sources", "API keys", "times", "webhooks"} <= set(findings)


async def test_whatever_is_wrong_is_named_with_what_to_do(
    settings: Settings, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENGRANT_WORKRS", "4")
    at, hour = now(), 3600 * SECOND
    hosts = {"imap_host": "127.0.0.1", "imap_port": dead, "smtp_host": "127.0.0.1", "smtp_port": dead}
    app = await prepare(
        settings,
        *(connector(provider) for provider in ("yahoo", "zoom", "icloud", "imap", "ews")),
        grant("by-password", "imap", hosts, due_at=1),
        grant("in-testing", "google", {"refresh_token_expires_at": at // SECOND}),
        ("update grants set attention_at = 1, trouble = '{}' where id = 'in-testing'", ()),
        grant("at-exchange", "ews", {"ews_host": "mail.nowhere.invalid"}, updated_at=at + hour),
        webhook("given-up", "failed", f"https://127.0.0.1:{dead}/hook"),
        webhook("shaky", "failing", f"https://127.0.0.1:{dead}/hook"),
        webhook("paused", "pause", "https://elsewhere.nowhere.invalid/hook"),
        ("update api_keys set expires_at = $1", (at + 3 * DAY,)),
        brake("yahoo"),
        ("insert into paces (application_id, name, spent_until) values ('', 'zoom', $1)", (at + hour,)),
    )
    findings = await found(settings.model_copy(update={"public_url": "http://grants.example.com"}))
    failed = (
        "setting OPENGRANT_WORKRS",
        "public URL",
        "background work",
        "source yahoo",
        "times",
        "yahoo",
        "zoom",
        "icloud",
    )
    assert states(findings, *failed, "webhook given-up", "webhook host 127.0.0.1") == ["failed"] * 10
    (key,) = (name for name in findings if name.startswith("API key "))
    unreached = (f"mail hosts: 127.0.0.1:{dead}", "Exchange hosts: mail.nowhere.invalid:443")
    warned = ("grants", "google app", *unreached, key)
    assert states(findings, *warned, "webhook shaky", "webhook paused") == ["warning"] * 7
    says = {
        "grants": "1 have failed for days",
        "google app": "Publish the app in Google's console",
        "setting OPENGRANT_WORKRS": "did you mean OPENGRANT_WORKERS?",
        "public URL": "Put TLS in front",
        "background work": "has not run yet, and grants wait to be refreshed: start `opengrant serve`",
        "source yahoo": f"connector or credential yahoo of application {app}",
        "times": "NTP",
        "zoom": "check firewall and routes",
        "icloud": "cannot be connected to",
        "webhook given-up": "PUT /v3/webhooks/given-up",
        key: f"opengrant keys create {app}",
        unreached[0]: "2 depend on it",
        unreached[1]: "allow its network in OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS",
    }
    for name, text in says.items():
        assert text in findings[name].text, findings[name]
    assert "1 in grants" in findings["times"].text
    assert "1 in paces" in findings["times"].text
    assert "webhook host elsewhere.nowhere.invalid" not in findings, "what is paused need not answer"


async def test_work_that_stands_still_is_told_from_work_that_goes_on(settings: Settings) -> None:
    old = now() - 20 * 60 * SECOND
    await prepare(settings, work=True)
    assert states(await found(settings), "background work") == ["ok"]

    async def later(*statements: tuple[str, Sequence[object]]) -> Finding:
        def fill() -> Steps[None]:
            for sql, args in statements:
                yield Statement(sql, tuple(args))

        async with installation(settings) as again:
            await again.services.db.write(fill())
        return (await found(settings))["background work"]

    still = await later(("update paces set spent_until = $1 where name = 'work loop'", (old,)))
    assert (still.state, still.text[:19]) == ("warning", "last ran 20 min ago")


@pytest.mark.parametrize(("days", "state"), [(90, "ok"), (3, "warning"), (-1, "failed")])
def test_the_certificate_of_the_mail_proxy_is_looked_at(tmp_path: Path, days: int, state: str) -> None:
    certificate = tmp_path / "mail.pem"
    at = datetime.now(UTC)
    issued = trustme.CA().issue_cert(
        "localhost", not_before=at - timedelta(days=9), not_after=at + timedelta(days=days)
    )
    issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
    env = {"OPENGRANT_PROXY__IMAP_PORT": "993"}
    (finding,) = machine.mail_proxy(settings_from({**env, "OPENGRANT_PROXY__CERTIFICATE": str(certificate)}))
    assert finding.state == state
    (without,) = machine.mail_proxy(settings_from(env))
    assert (without.state, "OPENGRANT_PROXY__CERTIFICATE" in without.text) == ("failed", True)
    assert machine.mail_proxy(settings_from({})) == []
