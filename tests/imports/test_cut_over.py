"""Cut-over: tokens that die with their use are not spent before the old system is switched off."""

from opengrant.imports.verifying import Work
from opengrant.model import SECOND, now
from opengrant.store.imports.batches import Batch
from tests.fakes.oauth import FakeOAuth
from tests.imports.stored import Stored, leased, oauth_row, stored
from tests.nodes.node import consent
from tests.support import Tenant


def of_three(tenant: Tenant, provider: FakeOAuth, **more: object) -> Stored:
    """Two rows of each source; those of Zoom and Microsoft are staged."""
    names = ("google", "zoom", "microsoft")
    for name in names:
        tenant.connector(name)
    rows = [
        oauth_row(line, consent(provider, name, f"{name}-{line}@example.com"), name)
        for line, name in enumerate((*names, *names), start=1)
    ]
    return stored(tenant, rows, staged=frozenset({"zoom", "microsoft"}), **more)  # type: ignore[arg-type]


def by_provider(one: Stored) -> dict[str, set[str]]:
    rows = one.server.rows("select provider, outcome from import_rows where import_id = $1", one.job.id)
    return {name: {outcome for provider, outcome in rows if provider == name} for name, _ in rows}


def cut_over(one: Stored, source: str | None = None) -> None:
    services = one.server.services
    one.server.call(services.imports.cut_over(one.tenant.application, one.job.id, source=source))


def two_held(tenant: Tenant, provider: FakeOAuth) -> Stored:
    """Two batches of one row, whose grants are held."""
    tenant.connector("google")
    rows = [oauth_row(line, consent(provider, "google", f"held-{line}@example.com")) for line in (1, 2)]
    return stored(tenant, rows, size=1, hold_refresh=True)


def end(one: Stored, batch: Batch) -> None:
    """The other node ends it. It has not heard yet what became of the import."""
    work = Work(app=one.tenant.application, job=one.job, batch=batch)
    one.server.call(one.server.services.import_work.verifying.run(work))


def held(one: Stored) -> int:
    """Grants that are not refreshed."""
    sql = "select count(*) from grants where application_id = $1 and due_at is null"
    return int(one.server.rows(sql, one.job.application_id)[0][0])


def held_by_provider(one: Stored) -> dict[str, int]:
    sql = "select provider, count(*) from grants where application_id = $1 and due_at is null group by provider"
    return {provider: int(count) for provider, count in one.server.rows(sql, one.job.application_id)}


def test_what_is_staged_waits_for_the_cut_over_of_its_source(tenant: Tenant, provider: FakeOAuth) -> None:
    done = of_three(tenant, provider).work()
    staged = {"google": {"created"}, "zoom": {"staged"}, "microsoft": {"staged"}}
    assert (by_provider(done), done.state) == (staged, "running")
    asked = provider.count("token")
    done.work()
    assert provider.count("token") == asked

    ((zoom,),) = done.server.rows(
        "select source from import_sources where import_id = $1 and provider = 'zoom'", done.job.id
    )
    cut_over(done, zoom)
    done.work()
    assert (by_provider(done), done.state) == ({**staged, "zoom": {"created"}}, "running")
    cut_over(done)
    assert done.work().outcomes() == {"created": 6}
    assert (done.state, done.secrets()) == ("finished", 0)


def test_the_cut_over_comes_by_itself_at_its_time(tenant: Tenant, provider: FakeOAuth) -> None:
    done = of_three(tenant, provider, cut_over_at=now() + 3600 * SECOND).work()
    assert done.outcomes() == {"created": 2, "staged": 4}
    done.server.rows("update imports set cut_over_at = $2 where id = $1 returning 1", done.job.id, now() - 60 * SECOND)
    assert done.work().outcomes() == {"created": 6}
    assert done.state == "finished"


def test_grants_are_not_refreshed_before_the_cut_over(tenant: Tenant, provider: FakeOAuth) -> None:
    done = of_three(tenant, provider, hold_refresh=True).work()
    assert (tenant.grants(), held(done)) == (2, 2)
    cut_over(done)
    done.work()
    assert (tenant.grants(), held(done), done.state) == (6, 0, "finished")


def test_the_cut_over_of_one_source_lets_its_grants_be_refreshed_and_no_others(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    done = of_three(tenant, provider, hold_refresh=True).work()
    sources = dict(done.server.rows("select provider, source from import_sources where import_id = $1", done.job.id))
    cut_over(done, sources["google"])  # nothing of it waits, and others still do
    cut_over(done, sources["zoom"])
    done.work()
    assert held_by_provider(done) == {"google": 2}
    cut_over(done, sources["microsoft"])
    done.work()
    assert (tenant.grants(), held_by_provider(done)) == (6, {})


def test_a_source_that_has_nothing_to_cut_over_releases_no_grants(tenant: Tenant, provider: FakeOAuth) -> None:
    done = two_held(tenant, provider).work()
    ((google,),) = done.server.rows("select source from import_sources where import_id = $1", done.job.id)
    cut_over(done, google)
    done.work()
    assert held(done) == 2
    cut_over(done)
    done.work()
    assert held(done) == 0


def test_grants_that_are_held_are_refreshed_when_the_import_is_cancelled(tenant: Tenant, provider: FakeOAuth) -> None:
    done = of_three(tenant, provider, hold_refresh=True).work()
    assert held(done) == 2
    done.server.call(done.server.services.imports.cancel(tenant.application, done.job.id))
    done.work()
    assert (held(done), done.secrets()) == (0, 0)
    assert done.outcomes() == {"created": 2, "cancelled": 4}


def test_a_row_under_way_while_its_import_is_cancelled_makes_a_grant_that_is_refreshed(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    done = two_held(tenant, provider)
    batch = leased(done)
    done.server.call(done.server.services.imports.cancel(tenant.application, done.job.id))
    done.work()
    end(done, batch)
    done.work()
    assert done.outcomes() == {"created": 1, "cancelled": 1}
    assert held(done) == 0


def test_the_cut_over_of_a_paused_import_lets_its_grants_be_refreshed(tenant: Tenant, provider: FakeOAuth) -> None:
    done = two_held(tenant, provider)
    batch = leased(done)
    done.work()
    done.server.call(done.server.services.imports.pause(tenant.application, done.job.id))
    cut_over(done)
    done.work()
    assert (tenant.grants(), held(done)) == (1, 0)
    end(done, batch)
    done.server.call(done.server.services.imports.resume(tenant.application, done.job.id))
    done.work()
    assert (tenant.grants(), held(done), done.state) == (2, 0, "finished")
