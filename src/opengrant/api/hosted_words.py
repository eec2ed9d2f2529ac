"""Errors of the API in the words of a mailbox owner, for the pages of hosted sign-in.

The API's own message is for the application's team. Where no better text is known, the page folds it under details.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from opengrant.errors import InvalidRequest, LoginInvalid, OpenGrantError, Overloaded, RateLimited
from opengrant.model import ProviderName
from opengrant.model.logins import NotShown
from opengrant.pages import FIELDS, OFFERED, Login, Words, form_of, refusal
from opengrant.signin.abuse_limits import CHECKING
from opengrant.signin.login import OVER

_ADDRESS = "wrong.address"
_ABOUT_FIELD = re.compile(r"(?:settings\.)?([a-z_]+):? (.*)", re.DOTALL)
_PHRASES = (
    ("is required when", _ADDRESS),
    ("is required", "wrong.empty"),
    ("must be an email address", _ADDRESS),
    ("contains a character", "wrong.character"),
    ("contains a colon", "wrong.colon"),
)
"""How a message of the API begins → the sentence that says it here."""
_LEGS = {"imap": "IMAP", "smtp": "SMTP", "caldav": "CalDAV", "ews": "Exchange", "detect": "search"}


def refused(form: Login, fields: Mapping[str, str], problem: OpenGrantError) -> Login:
    """The form with the error at its field, or above the form."""
    judged = (problem.provider_error or {}).get("opengrant")
    if judged is None:
        return _without_provider(form, problem)
    evidence = problem.evidence
    explained = refusal(
        form.words,
        form.provider,
        kind=judged["class"],
        reason=judged["reason"],
        leg="" if evidence is None else evidence.leg,
        filled=frozenset(name for name, text in fields.items() if text.strip()),
    )
    form = replace(form, details=_details(form.words, problem, judged["reason"]))
    return _put(form, explained.sentence, explained.field)


def empty(form: Login, names: list[str]) -> Login:
    """The form again, with the fields that must be filled in."""
    return replace(form, errors=dict.fromkeys(names, form.words("wrong.empty")))


def not_shown(form: Login, unseen: NotShown) -> Login:
    """The form again, with the servers that the password would have gone to."""
    return replace(form, servers=unseen.servers, problem=form.words("login.not_shown"))


def wrong(form: Login, problem: ValidationError) -> Login:
    """The form again, with the fields that cannot be right."""
    back = {wired: name for name, wired in form_of(form.provider).wired.items()}
    errors: dict[str, str] = {}
    for detail in problem.errors(include_url=False, include_context=False, include_input=False):
        place = str(detail["loc"][-1]) if detail["loc"] else ""
        if (name := back.get(place, place)) in FIELDS[form.provider]:
            errors.setdefault(name, form.words("wrong.long" if "too_long" in detail["type"] else _about(name)))
    return replace(form, errors=errors, problem="" if errors else form.words("wrong.form"))


def search_failed(words: Words, problem: OpenGrantError) -> str:
    """The message when the provider of an address was not found."""
    match problem:
        case InvalidRequest():
            return words(_ADDRESS)
        case RateLimited():
            return words("wrong.searches", again=_again(words, problem))
        case Overloaded():
            return _overloaded(words, problem)
        case _:
            return words("wrong.search")


def not_offered(words: Words, provider: ProviderName | None) -> str:
    """The message for an address whose provider is unknown or not offered."""
    if provider is None:
        return words("wrong.unknown_provider")
    if provider not in OFFERED or (provider in FIELDS and form_of(provider).any_service):
        return words("wrong.not_offered_other")
    return words("wrong.not_offered", provider=words(f"provider.{provider.value}"))


def ended(words: Words, problem: OpenGrantError) -> tuple[str, tuple[str, ...]]:
    """Message and details for the page that ends a sign-in without a redirect."""
    if isinstance(problem, LoginInvalid):
        return words("problem.over" if problem.message == OVER else "problem.other_page"), ()
    if problem.status >= 500 or isinstance(problem, RateLimited):
        return words("problem.later"), (problem.message,)
    return words("problem.application"), (problem.message,)


def _without_provider(form: Login, problem: OpenGrantError) -> Login:
    """The form with an error of our own: about a field, or because of a limit."""
    words = form.words
    if isinstance(problem, RateLimited):
        name = "wrong.passwords" if form.servers else "wrong.searches"
        return replace(form, problem=words(name, again=_again(words, problem)))
    if isinstance(problem, Overloaded):
        return replace(form, problem=_overloaded(words, problem))
    if "through another server" in problem.message:
        return replace(form, problem=words("wrong.other_server"))
    about = _ABOUT_FIELD.match(problem.message)
    if isinstance(problem, InvalidRequest) and about is not None:
        back = {wired: name for name, wired in form_of(form.provider).wired.items()}
        name, said = back.get(about[1], about[1]), about[2]
        sentence = next((one for phrase, one in _PHRASES if said.startswith(phrase)), "")
        if name in FIELDS[form.provider] and sentence:
            return _put(form, words(sentence), "email" if sentence == _ADDRESS else name)
    if problem.status >= 500:
        return replace(form, problem=words("wrong.later"))
    return replace(form, problem=words("wrong.details"), details=(problem.message,))


def _put(form: Login, sentence: str, field: str) -> Login:
    return replace(form, errors={field: sentence}) if field else replace(form, problem=sentence)


def _details(words: Words, problem: OpenGrantError, reason: str) -> tuple[str, ...]:
    """The server's message, and the step and reason for support."""
    evidence = problem.evidence
    if evidence is None:
        return (reason,)
    said = evidence.text.strip()
    code = evidence.code or (str(evidence.status) if evidence.status is not None else "")
    place = ", ".join(part for part in (_LEGS.get(evidence.leg, evidence.leg), evidence.step, code, reason) if part)
    return (*((words("wrong.server_said", text=said),) if said else ()), place)


def _about(name: str) -> str:
    """The sentence for a value that cannot be right."""
    if name == "email":
        return _ADDRESS
    if name.endswith("port"):
        return "wrong.port"
    return "wrong.server" if name.endswith("host") else "wrong.field"


def _overloaded(words: Words, problem: OpenGrantError) -> str:
    return words("wrong.checking" if problem.message == CHECKING else "wrong.crowded")


def _again(words: Words, problem: OpenGrantError) -> str:
    minutes = -(-(problem.retry_after or 60) // 60)
    return words("wrong.again_minute") if minutes == 1 else words("wrong.again_minutes", minutes=minutes)
