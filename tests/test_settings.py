"""settings.py and docs/settings.md: one list, and what a wrong value says."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from opengrant import settings
from opengrant.settings import Settings, WrongSettings, load, names, unknown

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"
SECRET = "postgresql://me:hunter2-hunter2@db/opengrant"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have settings of their own."""
    for name in environment_names():
        monkeypatch.delenv(name, raising=False)


def fields(model: type[BaseModel], prefix: str = "OPENGRANT_") -> Iterator[tuple[str, Any]]:
    """(environment name, default) of every field, groups opened."""
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            yield from fields(type(default), f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper(), default


def environment_names() -> list[str]:
    return [name for name, _ in fields(Settings)]


def as_written(default: Any) -> str:
    """How docs/settings.md writes a default."""
    match default:
        case None:
            return "none"
        case "":
            return "empty"
        case bool():
            return f"`{str(default).lower()}`"
        case float() if default.is_integer():
            return f"`{int(default)}`"
        case _:
            return f"`{default}`"


def test_the_page_lists_every_setting_with_its_default_and_nothing_else() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len({name for name, _, _ in rows})
    assert {name: default for name, default, _ in rows} == {name: as_written(value) for name, value in fields(Settings)}


def test_every_setting_says_what_it_means() -> None:
    tree = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    bodies = {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}

    def silent(model: type[BaseModel]) -> Iterator[str]:
        body = bodies[model.__name__]
        said = {ast.unparse(one.target) for one, two in pairwise(body) if isinstance(one, ast.AnnAssign) and says(two)}
        for name, field in model.model_fields.items():
            if name not in said:
                yield f"{model.__name__}.{name}"
            if isinstance(field.default, BaseModel):
                yield from silent(type(field.default))

    def says(node: ast.stmt) -> bool:
        return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)

    assert list(silent(Settings)) == []


def test_every_name_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each default, set by its own name, is accepted and changes nothing."""
    for name, default in fields(Settings):
        if default is not None:
            monkeypatch.setenv(name, as_written(default).strip("`") if default != "" else "")
    assert Settings() == Settings.model_construct()


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("OPENGRANT_PORT", "9000", lambda s: s.port == 9000),
        ("OPENGRANT_DATA_DIR", "elsewhere", lambda s: s.data_dir == Path("elsewhere")),
        ("OPENGRANT_GOOGLE__TOKEN_URL", "http://127.0.0.1:1/t", lambda s: s.google.token_url == "http://127.0.0.1:1/t"),
        ("OPENGRANT_OUTBOUND__ALLOW_PLAINTEXT", "true", lambda s: s.outbound.allow_plaintext is True),
        ("OPENGRANT_OUTBOUND__TIMEOUT", "2.5", lambda s: s.outbound.timeout == 2.5),
        ("OPENGRANT_OUTBOUND__CA_FILE", __file__, lambda s: s.outbound.ca_file == Path(__file__)),
        ("OPENGRANT_DATABASE_URL", SECRET, lambda s: s.database_url == SecretStr(SECRET)),
        ("OPENGRANT_PUBLIC_URL", "http://[::1]:8080/", lambda s: s.public_url == "http://[::1]:8080/"),
        *(
            ("OPENGRANT_OUTBOUND__DNS_SERVERS", text, lambda s, text=text: s.outbound.dns_servers == text)
            for text in ("192.0.2.1", "192.0.2.1:5353,2001:db8::1", "[2001:db8::1]:53, 192.0.2.1")
        ),
    ],
)
def test_the_environment_sets(monkeypatch: pytest.MonkeyPatch, name: str, value: str, read: Any) -> None:
    assert not read(Settings())
    monkeypatch.setenv(name, value)
    assert read(Settings())


def test_one_value_of_a_group_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENGRANT_GOOGLE__TOKEN_URL", "http://127.0.0.1:1/t")
    assert Settings().google.userinfo_url == Settings.model_fields["google"].default.userinfo_url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENGRANT_PORT", "hunter2-hunter2"),
        ("OPENGRANT_PORT", "65536"),
        ("OPENGRANT_WORKERS", "0"),
        ("OPENGRANT_LOG_LEVEL", "chatty-hunter2"),
        ("OPENGRANT_MAX_BODY", "12"),
        ("OPENGRANT_SHUTDOWN_GRACE", "-1"),
        ("OPENGRANT_BOOTSTRAP_API_KEY", "hunter2-hunter2"),
        ("OPENGRANT_BOOTSTRAP_APPLICATION_ID", "hunter2 hunter2"),
        ("OPENGRANT_OUTBOUND__TIMEOUT", "hunter2-hunter2"),
        ("OPENGRANT_OUTBOUND__ALLOW_PLAINTEXT", "hunter2-hunter2"),
        ("OPENGRANT_GOOGLE__NO_SUCH_URL", "hunter2-hunter2"),
        ("OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS", "10.0.0.0/8, hunter2"),
        *(
            ("OPENGRANT_OUTBOUND__DNS_SERVERS", text)
            for text in ("hunter2", "192.0.2.1:hunter2", "[2001:db8::hunter2]")
        ),
        *(
            ("OPENGRANT_PUBLIC_URL", text)
            for text in (
                "hunter2",
                "ftp://hunter2",
                "https://hunter2/path",
                "https://hunter2?a",
                "https://a:hunter2",
                "https://u@hunter2",
            )
        ),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    (error,) = refused.value.errors(include_input=False)
    assert "OPENGRANT_" + "__".join(map(str, error["loc"])).upper() == name
    assert value not in str(refused.value)
    assert value not in error["msg"]


def test_secrets_are_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENGRANT_DATABASE_URL", SECRET)
    monkeypatch.setenv("OPENGRANT_MASTER_KEYS", "k1:" + "hunter2" * 6)
    monkeypatch.setenv("OPENGRANT_BOOTSTRAP_API_KEY", "hunter2" * 6)
    settings = Settings()
    shown = f"{settings!r} {settings} {settings.model_dump_json()}"
    assert settings.database_url is not None
    assert "hunter2" not in shown


def wrong_values(default: Any, shape: str) -> list[str]:
    """What an operator may have written into a setting of this kind."""
    if isinstance(default, bool):
        return ["hunter2", ""]
    if isinstance(default, int | float) or "int" in shape:
        return ["hunter2", "", "-7", "1e300"]
    if "FilePath" in shape:
        return ["/hunter2", ""]
    if "Secret" in shape and "MinLen" in shape:
        return ["", "hunter2", "hunter2" * 50]
    return []


def shapes(model: type[BaseModel], prefix: str = "OPENGRANT_") -> Iterator[tuple[str, list[str]]]:
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from shapes(type(field.default), f"{prefix}{name.upper()}__")
        else:
            shape = f"{field.annotation} {field.metadata}"
            yield prefix + name.upper(), wrong_values(field.default, shape)


OF_A_LIBRARY = re.compile(r"[Ii]nput|[Vv]alue error|[Vv]alid|string|parse|hunter2|another value|None")


def refusal() -> str | None:
    try:
        load()
    except WrongSettings as problem:
        return str(problem)
    return None


def test_every_kind_of_wrong_value_is_told_in_our_words(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = 0
    for name, values in shapes(Settings):
        for value in values:
            monkeypatch.setenv(name, value)
            if (said := refusal()) is not None:
                assert re.match(rf"{name} (is|names|cannot) .*: write .*\.$", said), said
                assert not OF_A_LIBRARY.search(said), said
                tried += 1
        monkeypatch.delenv(name, raising=False)
    assert tried > 100


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("OPENGRANT_WORKERS", "0", "is too small: write a whole number from 1 to 64, or remove it for 1."),
        ("OPENGRANT_SHUTDOWN_GRACE", "9999", "is too large: write a number above 0 and at most 3600,"),
        ("OPENGRANT_REFRESH__IDLE_AFTER", "1", "is too small: write a number of at least 60,"),
        ("OPENGRANT_LOG_LEVEL", "chatty", "write debug, info, warning or error, or remove it for info."),
        ("OPENGRANT_OUTBOUND__ALLOW_PLAINTEXT", "maybe", "write true or false, or remove it for false."),
        ("OPENGRANT_OUTBOUND__CA_FILE", "/nowhere", "names no file that is there: write the path of a file"),
        ("OPENGRANT_BOOTSTRAP_API_KEY", "short", "is too short: write 32 to 256 characters."),
        ("OPENGRANT_BOOTSTRAP_APPLICATION_ID", "a b", "write 1 to 64 letters, digits, dots, underscores or hyphens."),
        ("OPENGRANT_PUBLIC_URL", "example.com", "write scheme and host, such as https://grants.example.com"),
        ("OPENGRANT_PROXIES", "proxy", "write networks such as 10.0.0.0/8"),
        ("OPENGRANT_PORT", "tcp://10.0.0.1:80", "enableServiceLinks: false"),
        (
            "OPENGRANT_GOOGLE",
            "x",
            "is a group and has no value of its own: set its members, such as OPENGRANT_GOOGLE__T",
        ),
    ],
)
def test_a_wrong_value_comes_with_what_to_write(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSettings) as refused:
        load()
    assert str(refused.value).startswith(f"{name} ")
    assert says in str(refused.value)


def test_names_that_mean_nothing_are_found_and_those_of_others_are_not() -> None:
    ours = [*names(), *(name.lower() for name in names())]
    others = [
        "OPENGRANT_EXPLORE",
        "OPENGRANT_FAULT",
        "OPENGRANT_TEST_INPUT",
        "OPENGRANT_API_KEY",
        "PATH",
        "MY_OPENGRANT_X",
    ]
    of_kubernetes = ["OPENGRANT_SERVICE_HOST", "OPENGRANT_SERVICE_PORT_HTTP", "OPENGRANT_PORT_8080_TCP_ADDR"]
    assert set(names()) == set(environment_names())
    assert unknown([*ours, *others, *of_kubernetes]) == []
    assert unknown(["OPENGRANT_WORKER", "OPENGRANT_GOGLE__TOKEN_URL", "OPENGRANT_QQ"]) == [
        ("OPENGRANT_GOGLE__TOKEN_URL", "OPENGRANT_GOOGLE__TOKEN_URL"),
        ("OPENGRANT_QQ", None),
        ("OPENGRANT_WORKER", "OPENGRANT_WORKERS"),
    ]


def test_settings_in_force_show_no_secret_and_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENGRANT_DATABASE_URL", "postgresql://me:hidden@db/grants")
    monkeypatch.setenv("OPENGRANT_IMAP__ISPDB_URL", "https://me:hidden@example.com/{domain}")
    shown = {one.name: one for one in settings.in_force(settings.load())}
    assert "hidden" not in repr(shown)
    assert shown["OPENGRANT_DATABASE_URL"][1:5] == ("********", None, "the environment", True)
    assert shown["OPENGRANT_IMAP__ISPDB_URL"].value == "https://********@example.com/{domain}"
    assert [*shown] == [*settings.names()]
    assert [one.name for one in shown.values() if not one.meaning] == []
