"""Rows of other systems: mappings, presets and flat columns, on files of the shapes that those systems write."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.api.import_rows import ROWS
from opengrant.errors import InvalidRequest
from opengrant.imports.mapping import RowMap
from opengrant.imports.reading import format_of
from opengrant.imports.remaining import body_of
from opengrant.imports.rows import Refused, Rows, Taken

SHAPES = Path(__file__).parent / "shapes"


def items(data: bytes, map_: RowMap | None = None, name: str = "-") -> list[Taken | Refused]:
    rows = Rows(ROWS, map_, format_of(name), exports=False)
    try:
        found = [*rows.feed(data), *rows.end()]
    finally:
        rows.close()
    assert all(isinstance(one, Taken | Refused) for one in found)
    return found  # type: ignore[return-value] # as asserted


def bodies(found: list[Taken | Refused]) -> list[Any]:
    """Bodies of connect/custom, and the reasons of refused lines."""
    return [body_of(one.row) if isinstance(one, Taken) else one.reason for one in found]


def shape(name: str, *maps: str, preset: str | None = None, constants: tuple[str, ...] = ()) -> list[Any]:
    map_ = RowMap.of(maps, constants, preset, known=ROWS.settings)
    return bodies(items((SHAPES / name).read_bytes(), map_, name))


def token(provider: str, refresh_token: str, **more: str) -> dict[str, Any]:
    return {**more, "provider": provider, "settings": {"refresh_token": refresh_token}}


def test_connections_of_nango() -> None:
    found = shape("nango.ndjson", preset="nango")
    assert found == [
        token("google", "1//example-ada", id="cust-1"),
        token("microsoft", "0.Aexample-bo", id="cust-2"),
        token("zoom", "zoom-example", id="cust-3"),
        "provider: must be one of google, microsoft, imap, icloud, yahoo, ews, virtual-calendar, zoom, nylas.",
    ]
    named = shape("nango.ndjson", "external_id=end_user.id", "name=end_user.display_name", preset="nango")
    assert named[0] == token("google", "1//example-ada", id="cust-1", external_id="u1", name="Ada")

    # The same by a mapping, without the preset.
    maps = ("id=connection_id", "refresh_token=credentials.raw.refresh_token")
    assert shape("nango.ndjson", *maps, constants=("provider=microsoft",))[1] == found[1]


def test_a_list_where_a_preset_reads_a_text_refuses_its_row_only() -> None:
    nango = RowMap.of((), (), "nango", known=ROWS.settings)
    good = b'{"connection_id": "c2", "provider": "google", "credentials": {"refresh_token": "1//x"}}\n'
    odd = b'{"connection_id": ["c1"], "provider": "google", "credentials": {"refresh_token": {"x": 1}}}\n'
    refused, taken = bodies(items(odd + good, nango))
    assert refused == "id: should be a string of at most 256 printable characters."
    assert taken == token("google", "1//x", id="c2")


def test_accounts_of_emailengine() -> None:
    john = {
        "email": "john@mail.example",
        "imap_username": "john@mail.example",
        "imap_password": "example-password",
        "imap_host": "imap.mail.example",
        "imap_port": 993,
        "smtp_username": "john@mail.example",
        "smtp_password": "example-password",
        "smtp_host": "smtp.mail.example",
        "smtp_port": 587,
    }
    found = shape("emailengine.ndjson", preset="emailengine")
    assert found[:3] == [
        {"id": "user123", "provider": "imap", "name": "John Doe", "settings": john},
        token("google", "1//example-jane", id="user124", name="Jane Roe"),
        token("microsoft", "0.Aexample-max", id="user125"),
    ]
    assert found[3].startswith("provider: must be one of")
    assert found[4] == "settings.imap_password: is required."
    own = shape("emailengine.ndjson", preset="emailengine", constants=("provider=google",))
    assert own[3] == token("google", "1//example-own", id="user126", name="Own App")


def test_a_table_with_a_column_of_json_and_passwords() -> None:
    maps = (
        *("id=id", "external_id=user_id", "provider=service", "refresh_token=oauth.refresh_token"),
        *("username=email", "imap_host=imap_host", "password=imap_password"),
    )
    ada, eve, bo = shape("mailboxes.csv", *maps)
    # The user name of a token is nothing that a row may have.
    assert "settings.username" in ada
    assert "settings.username" in bo
    maps = tuple("email=email" if one == "username=email" else one for one in maps)
    ada, eve, bo = shape("mailboxes.csv", *maps)
    assert ada == token("google", "1//example-ada", id="1", external_id="c-1")
    assert bo == token("microsoft", "0.Aexample-bo", id="3", external_id="c-3")
    assert eve["settings"] == {
        "email": "eve@mail.example",
        "imap_username": "eve@mail.example",
        "imap_host": "imap.mail.example",
        "imap_password": 'pass,word "x"',
    }


def test_columns_of_a_csv_are_flat_or_have_the_names_of_the_members() -> None:
    csv = (
        "id,provider,settings.refresh_token,email,imap_password,imap_host,username,password\n"
        "1,google,tok-1,a@b.example,,,,\n"
        "2,imap,,e@m.example,p,imap.m.example,,\n"
        "3,icloud,,f@icloud.com,,,,abcd-efgh\n"
        "4,ews,,g@ews.example,,,DOM\\g,pw\n"
        "5,virtual-calendar,,room,,,,\n"
    )
    found = bodies(items(csv.encode()))
    assert [one["settings"] for one in found] == [
        {"refresh_token": "tok-1"},
        {"email": "e@m.example", "imap_username": "e@m.example", "imap_password": "p", "imap_host": "imap.m.example"},
        {"username": "f@icloud.com", "password": "abcd-efgh"},
        {"email": "g@ews.example", "ews_username": "DOM\\g", "ews_password": "pw", "ews_port": 443},
        {"email": "room"},
    ]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("provider,refresh_tokn", "the column 'refresh_tokn' is not known (did you mean 'refresh_token'?)"),
        ("provider,settings.imap_hots", "(did you mean 'imap_host'?)"),
        ("google,1//0secret-token", "no column is known"),
    ],
)
def test_a_csv_with_a_column_that_is_not_known_is_refused_before_its_first_row(header: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        items(f"{header}\na,b\n".encode())
    assert told in refused.value.message
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    ("maps", "constants", "preset", "told"),
    [
        (["refresh_token"], [], None, "--map: write TARGET=SOURCE"),
        (["refresh_tokn=a"], [], None, "did you mean 'refresh_token'?"),
        (["id=a", "id=b"], [], None, "'id' is there twice"),
        ([], ["provider="], None, "--set: write TARGET=VALUE"),
        ([], [], "vault", "There is no preset 'vault'"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(
    maps: list[str], constants: list[str], preset: str | None, told: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        RowMap.of(maps, constants, preset, known=ROWS.settings)
    assert told in refused.value.message


def test_maps_that_read_differently_make_different_imports() -> None:
    def mark(*maps: str, **more: Any) -> bytes:
        found = RowMap.of(maps, more.get("constants", ()), more.get("preset"), known=ROWS.settings)
        assert found is not None
        return found.mark

    marks = [mark("id=a"), mark("id=b"), mark("name=a"), mark(constants=("id=a",)), mark(preset="nango")]
    assert len({*marks}) == len(marks)
    assert mark("id=a") == marks[0]


def test_a_row_is_written_as_it_was_read() -> None:
    sent = {
        "id": "7",
        "grant_id": "1f2e3d4c-0000-4000-8000-00000000c002",
        "provider": "microsoft",
        "settings": {"email_address": "cy@example.com", "credential_id": "c", "tenant": "example.com"},
        "scope": ("a", "b"),
        "name": "Cy",
        "state": "s",
        "workspace_id": "w",
        "external_id": "x",
    }
    row = ROWS.parse({**sent}, 1)
    assert body_of(row) == sent
    nylas = {"provider": "nylas", "settings": {"email": "a@agents.example", "app_password": None}}
    assert body_of(ROWS.parse({**nylas}, 1)) == nylas
    assert SecretStr("x") not in body_of(row).values()
