"""Errors of the API in the words of a mailbox owner, for the pages of hosted sign-in.

The API's own message is for the application's team. Where no better text is known, the page folds it under details.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from opengrant.errors import InvalidRequest, LoginInvalid, OpenGrantError, Overloaded, RateLimited
from opengrant.pages import FIELDS, Login, form_of, refusal

EMPTY = "Please fill this in."
_ADDRESS = "Enter a whole email address, such as you@example.com."
_SERVER = "Enter the name of a server, such as mail.example.com."
_PORT = "Enter a number from 1 to 65535, or leave it empty."
_ABOUT_FIELD = re.compile(r"(?:settings\.)?([a-z_]+):? (.*)", re.DOTALL)
_PHRASES = (
    ("is required when", _ADDRESS),
    ("is required", EMPTY),
    ("must be an email address", _ADDRESS),
    ("contains a character", "It contains a character that cannot be used here."),
    ("contains a colon", "It contains a colon, which does not belong there."),
)
_LEGS = {"imap": "IMAP", "smtp": "SMTP", "caldav": "CalDAV", "ews": "Exchange", "detect": "search"}


def refused(form: Login, fields: Mapping[str, str], problem: OpenGrantError) -> Login:
    """The form with the error at its field, or above the form."""
    judged = (problem.provider_error or {}).get("opengrant")
    if judged is None:
        return _without_provider(form, problem)
    evidence = problem.evidence
    explained = refusal(
        form.provider,
        kind=judged["class"],
        reason=judged["reason"],
        leg="" if evidence is None else evidence.leg,
        filled=frozenset(name for name, text in fields.items() if text.strip()),
    )
    form = replace(form, details=_details(problem, judged["reason"]))
    return _put(form, explained.sentence, explained.field)


def wrong(form: Login, problem: ValidationError) -> Login:
    """The form again, with the fields that cannot be right."""
    back = {wired: name for name, wired in form_of(form.provider).wired.items()}
    errors: dict[str, str] = {}
    for detail in problem.errors(include_url=False, include_context=False, include_input=False):
        place = str(detail["loc"][-1]) if detail["loc"] else ""
        if (name := back.get(place, place)) in FIELDS[form.provider]:
            errors.setdefault(name, "This is too long." if "too_long" in detail["type"] else _about(name))
    return replace(form, errors=errors, problem="" if errors else "Something in this form is not right.")


def search_failed(problem: OpenGrantError) -> str:
    """The message when the provider of an address was not found."""
    match problem:
        case InvalidRequest():
            return _ADDRESS
        case RateLimited():
            return f"Too many addresses were tried. {_again_in(problem)}"
        case Overloaded():
            return problem.message
        case _:
            return "The mail service of this address could not be looked up just now. Try again in a moment."


def ended(problem: OpenGrantError) -> tuple[str, tuple[str, ...]]:
    """Message and details for the page that ends a sign-in without a redirect."""
    if isinstance(problem, LoginInvalid):
        return problem.message, ()
    if problem.status >= 500 or isinstance(problem, RateLimited):
        return "This does not work just now. Go back and try again in a few minutes.", (problem.message,)
    sentence = (
        "The application that sent you here made a mistake. Go back to it, and tell its team what the details say."
    )
    return sentence, (problem.message,)


def _without_provider(form: Login, problem: OpenGrantError) -> Login:
    """The form with an error of our own: about a field, or because of a limit."""
    if isinstance(problem, RateLimited):
        return replace(form, problem=f"Too many passwords were refused. {_again_in(problem)}")
    if isinstance(problem, Overloaded):
        return replace(form, problem=problem.message)
    if "through another server" in problem.message:
        sentence = (
            "This mailbox is connected through another server. Leave the server settings empty, or ask the"
            " application's team to change the server."
        )
        return replace(form, problem=sentence)
    about = _ABOUT_FIELD.match(problem.message)
    if isinstance(problem, InvalidRequest) and about is not None:
        back = {wired: name for name, wired in form_of(form.provider).wired.items()}
        name, words = back.get(about[1], about[1]), about[2]
        sentence = next((text for phrase, text in _PHRASES if words.startswith(phrase)), "")
        if name in FIELDS[form.provider] and sentence:
            return _put(form, sentence, "email" if sentence is _ADDRESS else name)
    if problem.status >= 500:
        return replace(form, problem="This does not work just now. Try again in a few minutes.")
    return replace(
        form, problem="Your mailbox could not be connected. The details say why.", details=(problem.message,)
    )


def _put(form: Login, sentence: str, field: str) -> Login:
    return replace(form, errors={field: sentence}) if field else replace(form, problem=sentence)


def _details(problem: OpenGrantError, reason: str) -> tuple[str, ...]:
    """The server's message, and the step and reason for support."""
    evidence = problem.evidence
    if evidence is None:
        return (reason,)
    words = evidence.text.strip()
    code = evidence.code or (str(evidence.status) if evidence.status is not None else "")
    place = ", ".join(part for part in (_LEGS.get(evidence.leg, evidence.leg), evidence.step, code, reason) if part)
    return (*((f"The server said: {words}",) if words else ()), place)


def _about(name: str) -> str:
    if name == "email":
        return _ADDRESS
    if name.endswith("port"):
        return _PORT
    return _SERVER if name.endswith("host") else "This cannot be used here."


def _again_in(problem: OpenGrantError) -> str:
    minutes = -(-(problem.retry_after or 60) // 60)
    return f"Try again in {minutes} {'minute' if minutes == 1 else 'minutes'}."
