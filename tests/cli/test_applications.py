"""`opengrant apps show` and `opengrant apps redirects`."""

import json
from pathlib import Path
from typing import Any

import httpx

from tests.cli.test_commands import bearer, opengrant, serving

KEY = "k" * 40
ENV = {"OPENGRANT_BOOTSTRAP_API_KEY": KEY, "OPENGRANT_BOOTSTRAP_APPLICATION_ID": "acme"}
WEB = "https://app.example.com/callback"


def asked(directory: Path, *args: str) -> Any:
    done = opengrant(directory, *args, "--json", env=ENV)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_redirect_uri_that_a_command_registers_is_there_for_the_server(tmp_path: Path) -> None:
    with serving(tmp_path, ENV) as served, httpx.Client(base_url=served.url, headers=bearer(KEY)) as http:
        made = asked(
            tmp_path, "apps", "redirects", "add", WEB, "--platform", "js", "--origin", "https://app.example.com"
        )
        listed = http.get("/v3/applications/redirect-uris").json()["data"]
        assert [(one["id"], one["settings"]) for one in listed] == [(made["id"], {"origin": "https://app.example.com"})]
        assert asked(tmp_path, "apps", "redirects", "list") == [made]

        settings = {"rotate_refresh_token": True}
        assert http.patch("/v3/applications", json={"additional_settings": settings}).status_code == 200
        shown = asked(tmp_path, "apps", "show", "acme")
        assert (shown["id"], shown["additional_settings"], shown["callback_uris"]) == ("acme", settings, [made])
        text = opengrant(tmp_path, "apps", "show", env=ENV).stdout
        assert "additional_settings.rotate_refresh_token: True" in text
        assert WEB in text

        assert asked(tmp_path, "apps", "redirects", "remove", WEB) == {"removed": made["id"]}
        assert http.get("/v3/applications/redirect-uris").json()["data"] == []


def test_a_command_refuses_what_the_api_refuses(tmp_path: Path) -> None:
    opengrant(tmp_path, "init", env=ENV)
    for args, says in (
        (("add", "http://app.example.com/"), "use https"),
        (("add", WEB, "--platform", "ios"), "settings.bundle_id"),
        (("remove", WEB), "opengrant apps redirects list"),
        (("list", "--application", "nobody"), "There is no application nobody."),
    ):
        done = opengrant(tmp_path, "apps", "redirects", *args, env=ENV)
        assert done.returncode == 1
        assert says in done.stderr
    assert opengrant(tmp_path, "apps", "redirects", "list", env=ENV).stdout == "none\n"
