"""/reference and /console as files: who may frame them, what they may load, how small they come."""

import gzip
import re

import httpx
import pytest

from tests.support import LiveServer, Tenant

PAGES = ("/reference", "/console")


def raw(tenant: Tenant, path: str, accepted: str) -> tuple[httpx.Headers, bytes]:
    """Headers and body as they are on the wire."""
    headers = {"accept-encoding": accepted}
    with (
        httpx.Client(trust_env=False, verify=False) as client,
        client.stream("GET", tenant.server.url + path, headers=headers) as answer,
    ):
        return answer.headers, b"".join(answer.iter_raw())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_no_key_and_may_load_from_its_own_origin_alone(server: LiveServer, path: str) -> None:
    with server.client(None) as anybody:
        answer = anybody.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert (answer.headers["x-frame-options"], answer.headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert not re.search(r"<style|<script(?![^>]* src=\"/static/)|\sstyle=|\son\w+=", answer.text)
    assert all(found.startswith("/static/") for found in re.findall(r'(?:src|href)="([^"]+)"', answer.text)[:-1])


@pytest.mark.parametrize("path", PAGES)
def test_what_a_page_loads_is_kept_for_ever_and_comes_compressed_to_who_can_read_it(tenant: Tenant, path: str) -> None:
    for file in re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"', tenant.get(path).text):
        plain = tenant.get(file, headers={"accept-encoding": "identity"})
        assert "immutable" in plain.headers["cache-control"]
        assert "content-encoding" not in plain.headers
        if len(plain.content) < 100:
            continue  # compressed, it would be larger
        for wanted, used in (("gzip, deflate, br", "br"), ("gzip;q=0.5", "gzip"), ("gzip;q=0, br;q=0", None)):
            headers, sent = raw(tenant, file, wanted)
            assert headers.get("content-encoding") == used, (file, wanted)
            assert headers["vary"] == "Accept-Encoding"
            if used == "gzip":
                assert gzip.decompress(sent) == plain.content


def test_the_description_comes_compressed_too(tenant: Tenant) -> None:
    plain = tenant.get("/openapi.json", headers={"accept-encoding": "identity"})
    _, sent = raw(tenant, "/openapi.json", "gzip")
    assert gzip.decompress(sent) == plain.content
    assert len(sent) < len(plain.content) / 4


def test_the_description_comes_in_pieces_that_say_the_same(tenant: Tenant) -> None:
    whole = tenant.get("/openapi.json").json()
    listed = tenant.get("/reference/operations").json()
    assert listed["components"]["securitySchemes"] == whole["components"]["securitySchemes"]
    for path, verbs in whole["paths"].items():
        for verb, operation in verbs.items():
            assert listed["paths"][path][verb].items() <= operation.items()
            piece = tenant.get(f"/reference/operations/{operation['operationId']}")
            described = piece.json()
            assert described["paths"] == {path: {verb: operation}}
            components = described["components"]
            for kind, name in re.findall(r'"#/components/(\w+)/([^"]+)"', piece.text):
                assert components[kind][name] == whole["components"][kind][name]
    assert tenant.get("/reference/operations/gone").status_code == 404


def test_the_bare_address_leads_to_the_reference(tenant: Tenant) -> None:
    answer = tenant.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/reference")


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "de", "Authorization": ""}


@pytest.mark.parametrize(("verb", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/v3/connect/custom", 405)])
def test_a_browser_that_is_lost_gets_a_page_and_a_program_gets_json(
    tenant: Tenant, verb: str, path: str, status: int
) -> None:
    page = tenant.http.request(verb, path, headers=BROWSER)
    assert (page.status_code, page.headers["content-language"]) == (status, "de")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert re.findall(r'<a [^>]*href="([^"]+)"', page.text) == ["/console", "/reference"]
    answer = tenant.http.request(verb, path)
    assert answer.status_code == status
    assert answer.json()["error"]["type"].startswith("api.")
    assert page.headers.get("allow") == answer.headers.get("allow")


def test_what_the_api_does_not_find_is_json_for_browsers_too(tenant: Tenant) -> None:
    answer = tenant.get("/v3/grants/none", headers={"Accept": BROWSER["Accept"]})
    assert answer.json()["error"]["type"] == "grant.not_found"


@pytest.mark.parametrize("path", ["/", *PAGES])
def test_a_page_can_only_be_read(tenant: Tenant, path: str) -> None:
    answer = tenant.post(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("name", ["reference.html", "console.html", "reference.html.br", "../pages.css", ".built"])
def test_no_file_goes_by_a_name_that_could_change(tenant: Tenant, name: str) -> None:
    assert tenant.get(f"/static/{name}").status_code == 404
