"""The base model of the wire, and the types of its fields.

A shape is a Pydantic model, because the same definition checks requests, builds answers and becomes /openapi.json.
Requests ignore unknown fields. Secrets are SecretStr: an error about one can name the field, never the value.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import CoreSchema, PydanticUseDefault, core_schema

from opengrant.errors import InvalidRequest

Answer = dict[str, Any]
"""An answer, made by a shape's `of`. A plain dict, because models would take a third of the time of a list. Tests check
answers against the published schema."""

# No control characters: names and addresses have none, and PostgreSQL cannot store NUL.
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


def text(longest: int, *, shortest: int = 1) -> Any:
    return StringConstraints(min_length=shortest, max_length=longest, pattern=PRINTABLE)


_UNSEEN_CLASS = r"\t-\r \x85\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u2066-\u2069\u3000\ufeff"
UNSEEN = "".join(re.findall(f"[{_UNSEEN_CLASS}]", "".join(map(chr, range(0x10000)))))
"""White space and invisible characters: a byte order mark, a zero-width space, direction marks."""
_SEEN = rf"[^\x00-\x1f\x7f{_UNSEEN_CLASS}]"
_SOMETHING = rf"^[{_UNSEEN_CLASS}]*{_SEEN}([^\x00-\x1f\x7f]*{_SEEN})?[{_UNSEEN_CLASS}]*$"
_NOTHING = rf"^[{_UNSEEN_CLASS}]*$"
_PERHAPS = f"{_SOMETHING}|{_NOTHING}"


def trim(value: object) -> object:
    """Strip white space and invisible characters, which forms, tables and terminals add."""
    return value.strip(UNSEEN) if isinstance(value, str) else value


@dataclass(frozen=True)
class trimmed:  # noqa: N801 -- used as `text()` is
    """A name, host, id or address of printable characters: at least one, at most `longest` as sent."""

    longest: int

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        inner = core_schema.str_schema(min_length=1, pattern=PRINTABLE)
        shorter = core_schema.no_info_before_validator_function(trim, inner)
        # The limit comes first: a text that is too long is not searched.
        return core_schema.chain_schema([core_schema.str_schema(max_length=self.longest), shorter])

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.longest, "pattern": _SOMETHING}


def absent(value: object) -> object:
    return None if isinstance(value, str) and not value.strip(UNSEEN) else value


class _Perhaps:
    """A blank string counts as left out."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        options = schema.get("anyOf", [schema])
        if any(option.get("pattern") == _SOMETHING for option in options):
            loose = [
                {**option, "pattern": _PERHAPS} if option.get("pattern") == _SOMETHING else option for option in options
            ]
        else:
            loose = [*options, {"type": "string", "pattern": _NOTHING, "maxLength": 64}]
        return {**schema, "anyOf": loose} if "anyOf" in schema else loose[0]


T = TypeVar("T")
Maybe = Annotated[T | None, BeforeValidator(absent), _Perhaps()]
"""An optional field of a request: null and a blank string count as left out."""

Name = Annotated[str, trimmed(256)]
State = Annotated[str, text(256, shortest=0)]
RedirectUrl = Annotated[str, text(2048)]
Host = Annotated[str, trimmed(253)]
Login = Annotated[str, trimmed(512)]
Id = Annotated[str, trimmed(64)]
ExternalId = Annotated[str, trimmed(256)]
GrantId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


def _token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        raise ValueError("stands in quotation marks: send it without them")
    if _ENCODED.search(text):
        raise ValueError("is URL-encoded (%2F stands for /): decode it once, then send it")
    return value


_QUOTES = "\"'`“”„"
_ENCODED = re.compile("%(?:2[BF]|3D)", re.IGNORECASE)
RefreshTokenText = Annotated[
    SecretStr, Field(min_length=1, max_length=8192), AfterValidator(_token), BeforeValidator(trim)
]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
Scope = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x20\x7f]+$")]

Tenant = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,255}$"), BeforeValidator(trim)]

_PORT_TEXT = re.compile(r"([0-9]{1,5})(?:\.0+)?", re.ASCII)


def _port(value: object) -> object:
    # The vendor's examples send ports as strings, spreadsheets send 993.0; a bool would count as 0 or 1.
    if isinstance(value, bool):
        raise ValueError("a port is a number from 1 to 65535")
    if isinstance(value, str) and (digits := _PORT_TEXT.fullmatch(value)):
        return int(digits[1])
    return int(value) if isinstance(value, float) and value.is_integer() else value


Port = Annotated[
    int,
    Field(ge=1, le=65535, strict=True),
    BeforeValidator(_port),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 65535},
                {
                    "type": "string",
                    "pattern": "^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}"
                    "|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])([.]0+)?$",
                },
            ],
            "description": "1 to 65535, as a number or as a string of digits.",
        }
    ),
]


def split_scopes(text: str) -> list[str]:
    """Split a text at commas and blanks."""
    return text.replace(",", " ").split()


LONGEST_SCOPES = 16_000
"""Characters of a text of scopes: as many as a list may hold, each as long as Google's."""
_SCOPES_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"


def _scopes(value: object) -> object:
    if isinstance(value, str):
        if len(value) > LONGEST_SCOPES:
            raise ValueError(f"should have at most {LONGEST_SCOPES} characters")
        if re.match(_SCOPES_TEXT, value) is None:
            raise ValueError("has characters that are not allowed here")
        return split_scopes(value) or None  # a field that was left blank
    return value


AnyScopes = Annotated[
    Annotated[list[Scope], Field(max_length=200)] | None,
    BeforeValidator(_scopes),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[^\\x00-\\x20\\x7f]+$"},
                    "maxItems": 200,
                },
                # null counts as left out, as in every other field.
                {"type": ["string", "null"], "maxLength": LONGEST_SCOPES, "pattern": _SCOPES_TEXT},
            ],
            "description": "A list, or one string with spaces or commas between.",
        }
    ),
]


def _left_out(value: object) -> object:
    if value is None:
        raise PydanticUseDefault
    return value


OrNull = BeforeValidator(_left_out)
"""For fields with a default other than None: null counts as left out."""


def _blank(value: object) -> object:
    return _left_out(absent(value))


OrBlank = BeforeValidator(_blank)
"""For the same fields: a blank string counts as left out."""


def none_if_empty(value: object) -> object:
    """An empty password counts as left out. Every other one is kept as sent, white space too."""
    return None if value == "" else value


class Model(BaseModel):
    """The base of every shape."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    NULL_TAKES_AWAY: ClassVar[frozenset[str]] = frozenset()
    """Fields where null removes what is stored, and does not count as left out."""


def examples(*bodies: dict[str, Any], **more: Any) -> ConfigDict:
    """Examples of a body for /openapi.json. `more`: members of its JSON schema. Secrets contain `example`."""
    return ConfigDict(json_schema_extra={**more, "examples": list(bodies)})


def named(title: str, *bodies: dict[str, Any]) -> ConfigDict:
    return ConfigDict(title=title, **examples(*bodies))


class Settings(Model):
    """The fields that all settings share. Scopes may be sent here too; /openapi.json shows them once, outside."""

    scope: SkipJsonSchema[AnyScopes] = None
    """The same as the top-level scope."""
    scopes: SkipJsonSchema[AnyScopes] = None
    """Likewise."""


def refuse_policies(policy_id: str | None, rule_ids: Sequence[str] | None = None, *, within: str = "") -> None:
    """Refuse ids of policies and rules: there are none yet. Empty removes what an earlier release stored.

    Raises InvalidRequest.
    """
    for name, kind, one in (
        ("policy_id", "policy", policy_id),
        ("rule_ids", "rule", next(iter(rule_ids or ()), None)),
    ):
        if one:
            raise InvalidRequest(
                f"{within}{name}: there is no {kind} {one!r}. Leave it out: this server has no policies and rules yet."
            )


def first_sent(*lists: Sequence[str] | None) -> tuple[str, ...] | None:
    """The first that was sent."""
    return next((tuple(one) for one in lists if one is not None), None)
