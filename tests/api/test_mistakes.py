"""What is wrong with a field is said in JSON's words, whatever the library that checks would say."""

from typing import get_args

import pytest
from pydantic_core.core_schema import ErrorType

from opengrant.api.http.validation_errors import in_our_words
from tests.support import LiveServer, Tenant, problem

CONTEXT = {
    **dict.fromkeys(("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "max_digits"), 3),
    **dict.fromkeys(("decimal_places", "whole_digits", "tz_expected", "tz_actual", "expected_version"), 3),
    **dict.fromkeys(("actual_length",), 1),
    **dict.fromkeys(("field_type", "class", "class_name", "error", "pattern", "expected", "method_name"), "List"),
    **dict.fromkeys(("discriminator", "tag", "expected_tags", "expected_schemes", "function_name", "name"), "List"),
}


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    """What is wrong with a body knows no engine."""
    return sqlite_server


def test_every_error_of_the_library_is_said_in_our_words() -> None:
    for type_ in get_args(ErrorType):
        if type_ in {"value_error", "assertion_error"}:
            continue  # ours already
        said = in_our_words({"type": type_, "loc": (), "msg": "Input should be an instance of X", "input": None,
                             "ctx": CONTEXT})  # fmt: skip
        assert said.startswith(("is ", "should ", "has ")), type_
        assert "instance" not in said
        assert "{" not in said


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"imap_password": ""}, "settings.imap_password: should have at least 1 character."),
        ({"imap_password": "x" * 1025}, "settings.imap_password: should have at most 1024 characters."),
        ({"imap_password": 7}, "settings.imap_password: should be a string."),
        ({"imap_port": "zero"}, "settings.imap_port: should be a whole number."),
        ({"imap_port": "993.5"}, "settings.imap_port: should be a whole number."),
        ({"imap_port": 70000}, "settings.imap_port: should be at most 65535."),
        ({"scope": ["x"] * 201}, "settings.scope: should have at most 200 items."),
    ],
)
def test_the_sentence_names_the_field_and_its_kind(tenant: Tenant, settings: dict[str, object], says: str) -> None:
    sent = {"imap_username": "eve@example.com", "imap_password": "x", **settings}
    assert problem(tenant.connect("imap", sent)) == (400, "api.invalid_request_error", says)


def test_an_object_is_asked_for_by_its_json_name(tenant: Tenant) -> None:
    for body, says in (
        ({"provider": "imap", "settings": 7}, "settings: should be an object."),
        ({"provider": "imap"}, "settings: is required."),
    ):
        assert problem(tenant.post("/v3/connect/custom", body))[2] == says


def test_a_mark_before_the_body_and_a_port_with_a_point_do_no_harm(tenant: Tenant) -> None:
    body = (
        '\ufeff{"provider": "imap", "settings": {"imap_username": "eve@example.com", "imap_password": "x",'
        ' "imap_host": "imap.example.com", "imap_port": "993.0", "smtp_port": 465.0}}'
    )
    answer = tenant.http.post("/v3/connect/custom", content=body.encode())
    assert "imap connector" in problem(answer)[2], "all of it was understood"
