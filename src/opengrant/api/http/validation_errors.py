"""Validation errors in the words of JSON.

Pydantic's own messages name Python classes and call the characters of a string items.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from opengrant.errors import InvalidRequest

_TEXT = "should be a string"
_LIST = "should be a list"
_OBJECT = "should be an object"
_WHOLE = "should be a whole number"
_NUMBER = "should be a number"
_YES_OR_NO = "should be true or false"
_REQUIRED = "is required"
_UNKNOWN = "is not supported here"
_INVALID = "is not valid"

_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("missing", "missing_argument", "missing_keyword_only_argument"), _REQUIRED),
    "missing_positional_only_argument": _REQUIRED,
    **dict.fromkeys(("extra_forbidden", "unexpected_keyword_argument", "unexpected_positional_argument"), _UNKNOWN),
    **dict.fromkeys(("string_type", "string_sub_type", "string_unicode", "bytes_type"), _TEXT),
    "string_pattern_mismatch": "has characters that are not allowed here",
    "string_not_ascii": "should have ASCII characters only",
    **dict.fromkeys(("literal_error", "enum"), "should be {expected}"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _WHOLE),
    "int_parsing_size": "is too large a number",
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing", "complex_type"), _NUMBER),
    "complex_str_parsing": _NUMBER,
    "finite_number": "should be a finite number",
    "decimal_max_digits": "should have at most {max_digits} digits",
    "decimal_max_places": "should have at most {decimal_places} decimal places",
    "decimal_whole_digits": "should have at most {whole_digits} digits before the decimal point",
    **dict.fromkeys(("bool_type", "bool_parsing"), _YES_OR_NO),
    "greater_than": "should be greater than {gt}",
    "greater_than_equal": "should be at least {ge}",
    "less_than": "should be less than {lt}",
    "less_than_equal": "should be at most {le}",
    "multiple_of": "should be a multiple of {multiple_of}",
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), _LIST),
    **dict.fromkeys(("iteration_error", "set_item_not_hashable", "arguments_type"), _LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "dataclass_type", "mapping_type"), _OBJECT),
    **dict.fromkeys(("dataclass_exact_type", "is_instance_of", "is_subclass_of", "get_attribute_error"), _OBJECT),
    "invalid_key": "has a name that is not a string",
    "none_required": "should be null or left out",
    **dict.fromkeys(("json_invalid", "json_type"), "should be JSON"),
    **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation", "url_scheme"), "should be a URL"),
    "url_too_long": "should be a URL of at most {max_length} characters",
    **dict.fromkeys(("uuid_type", "uuid_parsing", "uuid_version"), "should be a UUID"),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "should be a date as 2026-11-28"),
    "date_from_datetime_inexact": "should be a date without a time",
    **dict.fromkeys(("date_past", "datetime_past"), "should be in the past"),
    **dict.fromkeys(("date_future", "datetime_future"), "should be in the future"),
    **dict.fromkeys(("time_type", "time_parsing"), "should be a time as 09:30:00"),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_object_invalid"), "should be a date and time"),
    "datetime_from_date_parsing": "should be a date and time",
    "timezone_naive": "should have no time zone",
    **dict.fromkeys(("timezone_aware", "timezone_offset"), "should have a time zone"),
    **dict.fromkeys(("time_delta_type", "time_delta_parsing"), "should be a duration"),
    **dict.fromkeys(("union_tag_invalid", "union_tag_not_found"), "is of none of the kinds that are known here"),
}
"""By Pydantic's type of an error; in braces the names of its context. `_length` words those about lengths."""
_SAID = frozenset({"value_error", "assertion_error"})
"""Errors whose message is our own, from a validator."""
_LENGTHS: Mapping[str, tuple[str, str]] = {
    "string_too_short": ("min_length", "character"),
    "string_too_long": ("max_length", "character"),
    "bytes_too_short": ("min_length", "character"),
    "bytes_too_long": ("max_length", "character"),
    "too_short": ("min_length", ""),
    "too_long": ("max_length", ""),
}
_SHOWN = 5
"""Wrong fields that one message names."""
_WITH_ITEMS = frozenset({"List", "Tuple", "Set", "Frozenset", "Dictionary", "Generator", "Deque"})


def explain(problem: ValidationError) -> InvalidRequest:
    """All that is wrong with a body or query, each with its path; never the value that was sent."""
    details = problem.errors(include_url=False, include_input=False)
    lines = [_line(detail) for detail in details[:_SHOWN]]
    if len(details) > _SHOWN:
        lines.append(f"and {len(details) - _SHOWN} more")
    return InvalidRequest("; ".join(lines) + ".")


def _line(detail: ErrorDetails) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    what = in_our_words(detail)
    return f"{where}: {what}" if where else what


def in_our_words(detail: ErrorDetails) -> str:
    """What is wrong, without the field's name and never with the value that was sent."""
    type_, context = detail["type"], detail.get("ctx", {})
    if type_ in _SAID:
        sentence = detail["msg"].partition(", ")[2]
        return sentence[:1].lower() + sentence[1:]
    if type_ in _LENGTHS:
        return _length(type_, context)
    return _WORDS.get(type_, _INVALID).format_map(context)


def _length(type_: str, context: Mapping[str, Any]) -> str:
    bound, thing = _LENGTHS[type_]
    # Pydantic says of a secret that a "Value" has too few or too many items.
    thing = thing or ("item" if context.get("field_type") in _WITH_ITEMS else "character")
    number = context[bound]
    return f"should have at {'least' if bound == 'min_length' else 'most'} {number} {thing}{'' if number == 1 else 's'}"
