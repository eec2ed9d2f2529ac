"""Rows that are wrong: each is refused with its line, what is wrong and what to do, and never with a secret."""

import pytest
from pydantic_core import to_json

from opengrant.imports.rows import Refused
from tests.imports.test_mapping import bodies, items


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "provider: is required."),
        ({"provider": 7}, "provider: must be one of"),
        ({"provider": "google"}, "settings: is required."),
        ({"provider": "google", "settings": "sesame"}, "settings: should be an object."),
        ({"provider": "google", "settings": {"refresh_tokn": "sesame"}}, "(did you mean 'refresh_token'?)"),
        (
            {"provider": "google", "settings": {"refresh_token": ["sesame"]}},
            "settings.refresh_token: should be a string.",
        ),
        ({"provider": "google", "settings": {"refresh_token": "'sesame'"}}, "stands in quotation marks"),
        ({"provider": "google", "sesame\x1b[2J": 1, "settings": {"refresh_token": "a"}}, "'sesame\\x1b[2J'"),
        (
            {"provider": "imap", "settings": {"imap_username": "a", "imap_password": "sesame", "imap_port": "x"}},
            "imap_port",
        ),
        ({"provider": "google", "id": "a\nb", "settings": {"refresh_token": "sesame"}}, "id: should be a string"),
        (
            {"provider": "google", "grant_id": "1F2E3D4C-0000-4000-8000-00000000C002"},
            "grant_id: should be a UUID in lower",
        ),
    ],
)
def test_a_wrong_row_names_its_member(row: dict[str, object], reason: str) -> None:
    (found,) = items(to_json(row) + b"\n")
    assert isinstance(found, Refused)
    assert (found.line, found.class_) == (1, "bad_request")
    assert reason in found.reason
    assert "sesame" not in found.reason.replace("'sesame\\x1b", "")
    assert "\x1b" not in found.reason


def test_the_same_mailbox_five_times_is_one_row_and_four_refusals() -> None:
    row = {"provider": "icloud", "settings": {"username": "Fay@iCloud.com", "password": "abcd-efgh"}}
    again = {"provider": "icloud", "settings": {"username": "fay@icloud.com", "password": "ijkl-mnop"}}
    other = {"provider": "imap", "settings": {"imap_username": "fay@icloud.com", "imap_password": "x"}}
    found = items(b"".join(to_json(one) + b"\n" for one in (row, again, again, other, again, again)))
    refused = [one for one in found if isinstance(one, Refused)]
    assert [one.line for one in refused] == [2, 3, 5, 6]
    assert {one.reason for one in refused} == {"The row has the same mailbox as line 1."}


def test_what_a_refused_row_alone_had_is_free_for_a_later_one() -> None:
    def row(key: str, external_id: str, token: str) -> bytes:
        sent = {"provider": "google", "id": key, "external_id": external_id, "settings": {"refresh_token": token}}
        return to_json(sent) + b"\n"

    rows = [row("a", "x", "1"), row("a", "y", "2"), row("b", "y", "2"), row("c", "y", "3"), row("b", "z", "4")]
    assert [(one.line, one.reason) for one in items(b"".join(rows)) if isinstance(one, Refused)] == [
        (2, "The row has the same id as line 1."),
        (4, "The row has the same external_id as line 3."),
        (5, "The row has the same id as line 3."),
    ]


def test_a_number_may_be_an_id_and_a_null_is_left_out() -> None:
    sent = {"provider": "google", "id": 17, "external_id": None, "grant_id": None, "settings": {"refresh_token": "t"}}
    assert bodies(items(to_json(sent))) == [{"id": "17", "provider": "google", "settings": {"refresh_token": "t"}}]
